package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/score"
	"github.com/parley/parley/transcribe/sherpa"
)

// evaluation is the object of --eval --json.
type evaluation struct {
	Engine       string                    `json:"engine"`
	Model        string                    `json:"model"`
	CPUPerSecond float64                   `json:"cpu_per_second"` // of the engine, for a second of speech
	Languages    map[string]*languageScore `json:"languages"`
	HotWords     *hotScore                 `json:"hot_words,omitempty"` // with --hot-words
}

// hotScore is how often hot words were said, and how often of that they were heard.
type hotScore struct {
	Said  int `json:"said"`
	Heard int `json:"heard"`
}

// languageScore is what was wrong in one language.
type languageScore struct {
	Measure score.Measure `json:"measure"`
	Errors  int           `json:"errors"`
	Units   int           `json:"units"` // words or characters of the references
	Rate    float64       `json:"rate"`  // errors by units
	Seconds float64       `json:"seconds"`
}

// evaluate hears every recording of a manifest and counts errors by language.
func (c *transcribeCmd) evaluate(a *app) error {
	rows, err := readManifest(c.Eval)
	if err != nil {
		return err
	}
	about, err := c.about()
	if err != nil {
		return err
	}
	result := evaluation{Languages: map[string]*languageScore{}}
	if c.HotWords != "" {
		result.HotWords = &hotScore{}
	}
	err = withEngine(a, c.Model, func(ctx context.Context, e *sherpa.Engine) error {
		shown := newProgress(a.stderr, filepath.Base(c.Eval), int64(len(rows)))
		defer shown.end()
		var cpu, speech time.Duration
		for i, row := range rows {
			shown.reach(int64(i))
			if row.Reference == "" {
				continue
			}
			sound, err := loadSpeech(ctx, filepath.Join(filepath.Dir(c.Eval), filepath.FromSlash(row.File)))
			if err != nil {
				return err
			}
			heard, err := hearWhole(ctx, e, sound, about, func(u transcribe.Spoken) {
				result.Engine, result.Model = u.Engine, u.Model
				cpu += u.CPU
				speech += u.End - u.Start
			})
			if err != nil {
				return fmt.Errorf("transcribe %s: %w", row.File, err)
			}
			result.add(row, heard, sound.Duration())
			result.HotWords.add(row, heard, about.Terms)
		}
		if speech > 0 {
			result.CPUPerSecond = rounded(cpu.Seconds() / speech.Seconds())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, result)
	}
	return result.print(a.stdout)
}

func readManifest(name string) ([]score.Recording, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, &parley.Error{Op: "read manifest", Kind: parley.Invalid, Say: name + ": the table cannot be read", Err: err}
	}
	defer func() { _ = file.Close() }()
	rows, err := score.ReadManifest(file)
	if err != nil {
		return nil, &parley.Error{Op: "read manifest", Kind: parley.Invalid, Say: name + ": " + parley.SayOf(err)}
	}
	return rows, nil
}

// hearWhole is the text of a whole sound.
func hearWhole(
	ctx context.Context, e *sherpa.Engine, s pcm.Speech, about transcribe.About, tell func(transcribe.Spoken),
) (string, error) {
	var texts []string
	err := transcribe.File(ctx, s, e, e, about, func(u transcribe.Spoken, _ time.Duration) error {
		texts = append(texts, u.Text)
		tell(u)
		return nil
	})
	return strings.Join(texts, " "), err
}

// add counts the errors of one recording.
func (e *evaluation) add(row score.Recording, heard string, length time.Duration) {
	measure := score.MeasureOf(row.Lang)
	l := e.Languages[row.Lang]
	if l == nil {
		l = &languageScore{Measure: measure}
		e.Languages[row.Lang] = l
	}
	said := score.Units(measure, row.Reference)
	l.Errors += score.Errors(said, score.Units(measure, heard))
	l.Units += len(said)
	l.Seconds = rounded(l.Seconds + length.Seconds())
	if l.Units > 0 {
		l.Rate = rounded(float64(l.Errors) / float64(l.Units))
	}
}

// add counts the hot words of one recording. It does nothing on nil.
func (h *hotScore) add(row score.Recording, heard string, terms []string) {
	if h == nil {
		return
	}
	measure := score.MeasureOf(row.Lang)
	count := func(text string) map[string]int {
		counts := map[string]int{}
		for _, unit := range score.Units(measure, text) {
			counts[unit]++
		}
		return counts
	}
	said, got := count(row.Reference), count(heard)
	for unit := range count(strings.Join(terms, " ")) {
		h.Said += said[unit]
		h.Heard += min(said[unit], got[unit])
	}
}

// rounded has what a figure of some hundred units can tell: four digits after the point.
func rounded(x float64) float64 { return float64(int64(x*1e4+0.5)) / 1e4 }

// print writes a table for people.
func (e *evaluation) print(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%-8s  %-7s  %6s  %6s  %7s  %8s\n", "language", "measure", "errors", "units", "rate", "seconds")
	for _, lang := range slices.Sorted(maps.Keys(e.Languages)) {
		l := e.Languages[lang]
		fmt.Fprintf(&out, "%-8s  %-7s  %6d  %6d  %5.1f %%  %8.1f\n", lang, l.Measure, l.Errors, l.Units, 100*l.Rate, l.Seconds)
	}
	if e.HotWords != nil {
		fmt.Fprintf(&out, "hot words: %d of %d heard\n", e.HotWords.Heard, e.HotWords.Said)
	}
	fmt.Fprintf(&out, "engine %s, model %s, %.3f s of CPU for a second of speech\n", e.Engine, e.Model, e.CPUPerSecond)
	_, err := io.WriteString(w, out.String())
	return err
}

// printJSON writes one object on one line.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
