package sherpa_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/sherpa"
)

// stubName is a network of the streaming CTC kind that is no recognizer: what is loud has tokens, silence
// has none. Nothing here looks at what they are.
const stubName = "stub-streaming-ctc"

// findStreaming is an engine's files with the stub beside whisper-base, in a directory of its own.
func findStreaming(t testing.TB) (sherpa.Files, sherpa.Places) {
	t.Helper()
	files := find(t)
	here, err := os.Getwd()
	must(t, err)
	stub := filepath.Join(sherpa.ModuleRoot(here), "..", "shared", "models", stubName)
	data := t.TempDir()
	copied := filepath.Join(data, "models", stubName)
	must(t, os.MkdirAll(copied, 0o700))
	for _, name := range []string{"model.onnx", "tokens.txt"} {
		content, err := os.ReadFile(filepath.Join(stub, name))
		if err != nil {
			t.Skip("the stub of a model is not here:", err)
		}
		must(t, os.WriteFile(filepath.Join(copied, name), content, 0o600))
	}
	places := sherpa.Places{Library: files.Library, Data: data, Module: sherpa.ModuleRoot(here)}
	found, err := sherpa.Find(places)
	must(t, err)
	if found.Model != "whisper-base" || found.Streaming != copied {
		t.Fatalf("%+v", found)
	}
	return found, places
}

func openStream(t testing.TB, e *sherpa.Engine) transcribe.Stream {
	t.Helper()
	stream, err := e.Stream(t.Context(), "")
	must(t, err)
	return stream
}

// rising fails when the times of words fall, or are outside what was heard.
func rising(t testing.TB, words []parley.Word, heard time.Duration) {
	t.Helper()
	last := time.Duration(0)
	for _, w := range words {
		if w.Start < last || w.End < w.Start || w.End > heard || w.Text == "" {
			t.Fatalf("a word from %v to %v after %v, of %v", w.Start, w.End, last, heard)
		}
		last = w.Start
	}
}

func TestStreamsHearWhileSomebodySpeaks(t *testing.T) {
	t.Parallel()
	files, _ := findStreaming(t)
	e := start(t, files)
	s := loud(speech(t, "en_austen_0870.wav"))
	waitForWords(t, e)
	t.Run("words come piece by piece, and those that came stay", func(t *testing.T) { comePieceByPiece(t, e, s) })
	t.Run("a stream begins anew after a pause and goes on", func(t *testing.T) { goesOnAfterAPause(t, e, s) })
	t.Run("many at once hear each their own", func(t *testing.T) { hearEachTheirOwn(t, e, s) })
	t.Run("a thousand leave nothing behind", func(t *testing.T) { leaveNothing(t, e, s, files.Streaming) })
	t.Run("what a stream cannot hear is refused", func(t *testing.T) { refuses(t, e) })
}

// loud is speech that the stub has enough to say of.
func loud(s pcm.Speech) pcm.Speech {
	return spoilt(s, func(x float32) float32 { return max(-1, min(1, 8*x)) })
}

func comePieceByPiece(t *testing.T, e *sherpa.Engine, s pcm.Speech) {
	stream := openStream(t, e)
	defer stream.Close()
	var before []parley.Word
	grew := 0
	for at, piece := 0, pcm.Samples(400*time.Millisecond); at+piece <= len(s); at += piece {
		r, err := stream.Hear(t.Context(), s[at:at+piece])
		must(t, err)
		rising(t, r.Words, pcm.Speech(s[:at+piece]).Duration())
		if len(r.Words) < len(before) {
			t.Fatalf("%d words after %d", len(r.Words), len(before))
		}
		for i, w := range before[:max(0, len(before)-1)] { // the last one may still grow
			if r.Words[i].Text != w.Text || r.Words[i].Start != w.Start {
				t.Fatalf("word %d moved", i)
			}
		}
		if len(r.Words) > len(before) {
			grew++
		}
		before = r.Words
		if r.Model != stubName || r.Engine != "sherpa" {
			t.Fatalf("heard by %s, %s", r.Engine, r.Model)
		}
	}
	if grew < 10 {
		t.Errorf("%d words, which came in %d pieces", len(before), grew)
	}
}

// goesOnAfterAPause has the library's endpoint reset the stream within.
func goesOnAfterAPause(t *testing.T, e *sherpa.Engine, s pcm.Speech) {
	stream := openStream(t, e)
	defer stream.Close()
	heard := time.Duration(0)
	hear := func(s pcm.Speech) []parley.Word {
		heard += s.Duration()
		r, err := stream.Hear(t.Context(), s)
		must(t, err)
		rising(t, r.Words, heard)
		return r.Words
	}
	first := hear(s)
	silent := hear(make(pcm.Speech, pcm.Samples(4*time.Second)))
	begins := heard
	both := hear(s)
	if len(silent) < len(first) || len(silent) > len(first)+2 || len(both) < len(silent)+len(first)/2 {
		t.Fatalf("%d words, %d after the silence, %d after more speech", len(first), len(silent), len(both))
	}
	for _, w := range both[len(silent):] {
		if w.Start < begins-time.Second/2 {
			t.Fatalf("a word at %v, said after %v", w.Start, begins)
		}
	}
}

func hearEachTheirOwn(t *testing.T, e *sherpa.Engine, s pcm.Speech) {
	want, err := func() (string, error) {
		stream := openStream(t, e)
		defer stream.Close()
		r, err := stream.Hear(t.Context(), s)
		return r.Text(), err
	}()
	must(t, err)
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			stream, err := e.Stream(t.Context(), "en")
			if err != nil {
				t.Error(err)
				return
			}
			defer stream.Close()
			var r transcribe.Result
			piece := pcm.Samples(300*time.Millisecond) + 7*i
			for at := 0; at < len(s); at += piece {
				if r, err = stream.Hear(t.Context(), s[at:min(len(s), at+piece)]); err != nil {
					t.Error(err)
					return
				}
			}
			if r.Text() != want {
				t.Errorf("stream %d heard something else than one by itself", i)
			}
		})
	}
	all.Wait()
}

// leaveNothing looks at the child's memory, and at how many streams it lets be open.
func leaveNothing(t *testing.T, e *sherpa.Engine, s pcm.Speech, directory string) {
	pieces := s[:pcm.Samples(time.Second)]
	run := func(n int) {
		for range n {
			stream := openStream(t, e)
			_, err := stream.Hear(t.Context(), pieces)
			must(t, err)
			stream.Close()
		}
	}
	run(200)
	before := memoryOfChild(t, directory)
	run(1000)
	if grown := memoryOfChild(t, directory) - before; grown > 16<<20 {
		t.Errorf("%d bytes more after a thousand streams", grown)
	}
	var open []transcribe.Stream
	for {
		stream, err := e.Stream(t.Context(), "")
		if err != nil {
			break
		}
		if open = append(open, stream); len(open) > 10_000 {
			t.Fatal("nothing bounds the streams")
		}
	}
	for _, stream := range open {
		stream.Close()
	}
	if len(open) < 100 {
		t.Errorf("%d streams at once", len(open))
	}
	openStream(t, e).Close()
}

// memoryOfChild is the resident memory of the engine that was started with a streaming model.
func memoryOfChild(t *testing.T, directory string) int64 {
	t.Helper()
	for _, pid := range children(t) {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !strings.Contains(string(command), directory) {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		must(t, err)
		pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
		must(t, err)
		return pages * int64(os.Getpagesize())
	}
	t.Fatal("no engine hears with", directory)
	return 0
}

func refuses(t *testing.T, e *sherpa.Engine) {
	stream := openStream(t, e)
	if _, err := stream.Hear(t.Context(), make(pcm.Speech, pcm.Samples(29*time.Second))); !errors.Is(err, parley.Invalid) {
		t.Error("too much at once:", err)
	}
	stream.Close()
	if _, err := stream.Hear(t.Context(), make(pcm.Speech, pcm.Rate)); err == nil {
		t.Error("a stream that is closed hears")
	}
	openStream(t, e).Close() // and the child still lives
}

// TestAStreamingModelHearsWholeUtterances where it is asked for, or where there is no other.
func TestAStreamingModelHearsWholeUtterances(t *testing.T) {
	t.Parallel()
	files, places := findStreaming(t)
	places.Model = stubName
	asked, err := sherpa.Find(places)
	must(t, err)
	alone, err := sherpa.Find(sherpa.Places{Library: files.Library, Data: places.Data})
	if !strings.Contains(parley.SayOf(err), "silero") || alone.Model != stubName {
		t.Errorf("%+v, %v", alone, err)
	}
	e := start(t, asked)
	s := loud(speech(t, "en_austen_0870.wav"))
	for _, lang := range []string{"", "en", "yue"} {
		r, err := e.Recognize(t.Context(), s, transcribe.Hint{Lang: lang})
		must(t, err)
		rising(t, r.Words, s.Duration())
		if r.Model != stubName || len(r.Words) < 10 || r.Tokens < 10 || r.CPU <= 0 || lang != "" && r.Lang != lang || r.Lang == "" {
			t.Errorf("%q: %d words in %q by %s", lang, len(r.Words), r.Lang, r.Model)
		}
	}
	// What a whole utterance has at its end is heard, too: no chunk is left over.
	for part := range 6 {
		piece := s[:pcm.Samples(2*time.Second+time.Duration(part)*70*time.Millisecond)]
		cut, err := e.Recognize(t.Context(), piece, transcribe.Hint{})
		must(t, err)
		more, err := e.Recognize(t.Context(), append(piece[:len(piece):len(piece)], make(pcm.Speech, pcm.Rate)...), transcribe.Hint{})
		must(t, err)
		if cut.Text() != more.Text() || len(cut.Words) == 0 {
			t.Errorf("%v: %q, with silence after it %q", piece.Duration(), cut.Text(), more.Text())
		}
	}
	r, err := e.Recognize(t.Context(), make(pcm.Speech, 5*pcm.Rate), transcribe.Hint{})
	must(t, err)
	if len(r.Words) > 0 {
		t.Errorf("%d words of silence", len(r.Words))
	}
	openStream(t, e).Close()
}

// TestABrokenStreamingModelDoesNoHarm has the network cut in ways that its own description survives, and
// another's sound: words come from whisper-base, and the engine does without streams.
func TestABrokenStreamingModelDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, directory string){
		"a network that ends the process": func(t *testing.T, directory string) { spoilGraph(t, filepath.Join(directory, "model.onnx")) },
		"tokens without a blank": func(t *testing.T, directory string) {
			must(t, os.WriteFile(filepath.Join(directory, "tokens.txt"), []byte("a 0\nb 1\n"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, _ := findStreaming(t)
			spoil(t, files.Streaming)
			e := start(t, files)
			s := speech(t, "en_austen_0870.wav")[:pcm.Samples(5*time.Second)]
			for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(poll) {
				r, err := e.Recognize(t.Context(), s, transcribe.Hint{Lang: "en"})
				if err == nil && strings.Contains(r.Text(), "leisure") {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%q, %v", r.Text(), err)
				}
			}
			if _, err := e.Stream(t.Context(), "en"); !errors.Is(err, parley.NotFound) || e.Streaming() {
				t.Error("a stream of a broken model:", err)
			}
		})
	}
}

// spoilGraph overwrites the network itself and leaves what it says of itself.
func spoilGraph(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	must(t, err)
	for at := 1000; at < 12_000; at++ {
		file[at] = 0xff
	}
	for _, name := range []string{"Conv", "Transpose", "LogSoftmax", "Identity"} {
		file = []byte(strings.ReplaceAll(string(file), name, strings.Repeat("?", len(name))))
	}
	must(t, os.WriteFile(path, file, 0o600))
}

// TestStreamsShowWordsOfAMeeting has a meeting whose words are shown by the stub, and told for good by
// whisper-base.
func TestStreamsShowWordsOfAMeeting(t *testing.T) {
	t.Parallel()
	files, _ := findStreaming(t)
	e := start(t, files)
	waitForWords(t, e)
	var mu sync.Mutex
	shown := map[parley.UtteranceID][]parley.Utterance{}
	tr, keep, m := openPathWith(t, e, e, func(u parley.Utterance) {
		mu.Lock()
		defer mu.Unlock()
		shown[u.ID] = append(shown[u.ID], u)
	})
	s := loud(speech(t, "en_austen_0870.wav"))
	throughOpusAt(t, tr, m, "track", s, 0, 4)
	text := textOfTrack(t, tr, keep, m, "track")
	if !strings.Contains(strings.ToLower(text), "leisure") {
		t.Errorf("heard %q", text)
	}
	mu.Lock()
	defer mu.Unlock()
	most := 0
	for id, interims := range shown {
		before := ""
		for _, u := range interims {
			if !strings.HasPrefix(u.Text, before) || u.Text == before || u.ID != id || u.End <= u.Start {
				t.Errorf("%q became %q, from %v to %v", before, u.Text, u.Start, u.End)
			}
			before = u.Text
		}
		most = max(most, len(interims))
	}
	if most < 3 {
		t.Errorf("%d interims of one utterance", most)
	}
}
