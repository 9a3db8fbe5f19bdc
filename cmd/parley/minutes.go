package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// minutesCmd finds action items in transcripts and prints one prediction record a meeting, or learns
// from labelled ones how to.
type minutesCmd struct {
	In      string `xor:"job" required:"" placeholder:"FILE" help:"Transcripts, one JSON object a line; - is standard input."`
	Tier    string `enum:"proposed,suggested" default:"proposed" help:"proposed: few are wrong; suggested: also the less certain."`
	Explain bool   `help:"Also print the score and the cues behind each entry."`

	Train   string `xor:"job" required:"" placeholder:"DIR" help:"Learn the weights from the labelled meetings in DIR, and print how well they do on meetings they were not learnt from."`
	Out     string `placeholder:"FILE" help:"With --train: write the weights to FILE. They take effect when parley is built with them."`
	Heldout string `placeholder:"DIR" help:"With --train: write what is found in meetings not learnt from to DIR, one file a corpus, for the scorer."`
}

// Run implements the command.
func (c *minutesCmd) Run(a *app) error {
	if c.Train != "" {
		return c.train(a)
	}
	if c.Out != "" || c.Heldout != "" {
		return &parley.Error{Op: "find action items", Kind: parley.Invalid, Say: "--out and --heldout go with --train"}
	}
	var in io.Reader = os.Stdin
	name := "standard input"
	if c.In != "-" {
		file, err := os.Open(c.In)
		if err != nil {
			return &parley.Error{Op: "read transcripts", Kind: parley.Invalid, Say: fmt.Sprintf("cannot read %s: %v", c.In, err)}
		}
		defer file.Close()
		in, name = file, c.In
	}
	rules, err := minutes.New()
	if err != nil {
		return fmt.Errorf("compile the cue tables: %w", err)
	}
	return minutes.Predict(a.ctx, rules, name, in, a.stdout, minutes.PredictOptions{
		Tier: minutes.Tier(c.Tier), Explain: c.Explain,
	})
}

// train learns the weights; nothing but --out and --heldout is written.
func (c *minutesCmd) train(a *app) (err error) {
	files := map[string]*os.File{}
	defer func() {
		for _, file := range files {
			err = errors.Join(err, file.Close())
		}
	}()
	var visit func(set string, h *minutes.Heldout) error
	if c.Heldout != "" {
		if err := os.MkdirAll(c.Heldout, 0o755); err != nil { //nolint:gosec // results to look at, nothing secret
			return fmt.Errorf("make %s: %w", c.Heldout, err)
		}
		visit = func(set string, h *minutes.Heldout) error {
			if files[set] == nil {
				file, err := os.Create(filepath.Join(c.Heldout, set+".jsonl"))
				if err != nil {
					return fmt.Errorf("write what was found: %w", err)
				}
				files[set] = file
			}
			h.Findings.Only(minutes.Tier(c.Tier))
			return minutes.WritePrediction(files[set], h.Meeting, &h.Findings, c.Explain)
		}
	}
	weights, err := minutes.Train(a.ctx, c.Train, a.stdout, visit)
	if err != nil || c.Out == "" {
		return err
	}
	return os.WriteFile(c.Out, weights, 0o644) //nolint:gosec // part of the program
}
