package sherpa_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/score"
	"github.com/parley/parley/transcribe/sherpa"
)

// TestMain is the child as well, when the engine starts this binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 12 && os.Args[1] == "engine" {
		files := sherpa.Files{Library: os.Args[3], Models: os.Args[5], Voices: os.Args[7], Model: os.Args[9], Streaming: os.Args[11]}
		if err := sherpa.Serve(os.Stdin, os.Stdout, files); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 3 && os.Args[1] == "lie" {
		lie(os.Args[2])
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// poll is how often a test looks whether something has come about.
const poll = 2 * time.Millisecond

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// find skips a test where the library is not installed.
func find(t testing.TB) sherpa.Files {
	t.Helper()
	here, err := os.Getwd()
	must(t, err)
	files, err := sherpa.Find(sherpa.Places{
		Library: os.Getenv("PARLEY_SHERPA_LIB"), Models: os.Getenv("PARLEY_MODELS"), Module: sherpa.ModuleRoot(here),
	})
	if err != nil {
		t.Skip("no speech engine:", parley.SayOf(err))
	}
	return files
}

// start runs an engine until the test ends.
func start(t testing.TB, files sherpa.Files) *sherpa.Engine {
	t.Helper()
	return startLogging(t, files, zap.NewNop())
}

func startLogging(t testing.TB, files sherpa.Files, log *zap.Logger) *sherpa.Engine {
	t.Helper()
	e, err := sherpa.New(sherpa.Config{Files: files, Command: []string{os.Args[0], "engine"}}, log, prometheus.NewRegistry())
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return e
}

// speech reads a file of the shared speech, or skips.
func speech(t testing.TB, name string) pcm.Speech {
	t.Helper()
	here, err := os.Getwd()
	must(t, err)
	file, err := os.Open(filepath.Join(sherpa.ModuleRoot(here), "..", "shared", "speech", name))
	if err != nil {
		t.Skip("the shared speech is not here:", err)
	}
	defer func() { _ = file.Close() }()
	wav, err := pcm.ReadWAV(file)
	must(t, err)
	return pcm.Resample(wav.Mono(), wav.Rate, pcm.Rate)
}

func TestEnglishAndMandarinAreHeard(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	for name, c := range map[string]struct {
		file, lang string
		words      []string
	}{
		"english":  {"en_austen_0870.wav", "en", []string{"leisure to consider", "power to do for them"}},
		"mandarin": {"zh_wenet_mid.wav", "zh", []string{"大学生", "漏洞", "肯德基"}},
	} {
		s := speech(t, c.file)
		s = s[:min(len(s), pcm.Samples(20*time.Second))]
		draft, err := e.Recognize(t.Context(), s, transcribe.Hint{Draft: true})
		must(t, err)
		r, err := e.Recognize(t.Context(), s, transcribe.Hint{})
		must(t, err)
		if r.Lang != c.lang || draft.Lang != c.lang {
			t.Errorf("%s: language %q, in a draft %q", name, r.Lang, draft.Lang)
		}
		if wrong := score.Errors(score.Units(score.CER, r.Text()), score.Units(score.CER, draft.Text())); wrong > len(r.Text())/10 {
			t.Errorf("%s: %q in a draft, %q for good", name, draft.Text(), r.Text())
		}
		for _, word := range c.words {
			if !strings.Contains(r.Text(), word) && !strings.Contains(r.Text(), traditional(word)) {
				t.Errorf("%s: %q has no %q", name, r.Text(), word)
			}
		}
		last := time.Duration(0)
		for _, w := range r.Words {
			if w.Start < last || w.End < w.Start || w.End > s.Duration() {
				t.Errorf("%s: a word from %v to %v after %v", name, w.Start, w.End, last)
			}
			last = w.Start
		}
	}
}

func traditional(s string) string { return strings.ReplaceAll(s, "学", "學") }

func TestVoiceIsToldFromSilence(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	s := speech(t, "en_austen_0870.wav")
	s = s[:min(len(s), pcm.Samples(4*time.Second))]
	waitForWords(t, e)
	v, err := e.Listen(t.Context())
	must(t, err)
	defer v.Close()
	share := func(s pcm.Speech) float64 {
		s = s[:len(s)/transcribe.Window*transcribe.Window]
		heard, err := v.Hear(t.Context(), s)
		must(t, err)
		n := 0
		for _, voiced := range heard {
			if voiced {
				n++
			}
		}
		return float64(n) / float64(len(heard))
	}
	if got := share(make(pcm.Speech, 2*pcm.Rate)); got != 0 {
		t.Errorf("%.2f of silence is voice", got)
	}
	if got := share(s); got < 0.5 {
		t.Errorf("%.2f of speech is voice", got)
	}
}

func waitForWords(t testing.TB, e *sherpa.Engine) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(poll) {
		if ok, missing := e.Words(); ok {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(missing)
		}
	}
}

// TestAKilledChildIsReplaced kills every child there is, so it is not parallel.
func TestAKilledChildIsReplaced(t *testing.T) { //nolint:paralleltest // see above
	e := start(t, find(t))
	s := speech(t, "en_austen_0870.wav")
	s = s[:min(len(s), pcm.Samples(5*time.Second))]
	_, err := e.Recognize(t.Context(), s, transcribe.Hint{Lang: "en"})
	must(t, err)
	for _, pid := range children(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(poll) {
		r, err := e.Recognize(t.Context(), s, transcribe.Hint{Lang: "en"})
		if err == nil {
			if len(r.Words) == 0 {
				t.Error("no words after the restart")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// children lists the processes of this one, as Linux tells it.
func children(t testing.TB) []int {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	must(t, err)
	var pids []int
	for _, path := range lists {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			pid := 0
			for _, r := range field {
				pid = pid*10 + int(r-'0')
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestWhatCannotBeHeardIsRefused(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	if _, err := e.Recognize(t.Context(), make(pcm.Speech, pcm.Samples(29*time.Second)), transcribe.Hint{}); !errors.Is(err, parley.Invalid) {
		t.Error("more than the model hears:", err)
	}
	if _, err := e.Recognize(t.Context(), make(pcm.Speech, 100), transcribe.Hint{Lang: "tlh"}); !errors.Is(err, parley.Invalid) {
		t.Error("a language nobody trained:", err)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for name, places := range map[string]sherpa.Places{
		"no library":        {Binary: empty},
		"library elsewhere": {Library: empty},
		"no models":         {Library: find(t).Library, Data: empty},
		"models elsewhere":  {Library: find(t).Library, Models: empty},
	} {
		_, err := sherpa.Find(places)
		if !errors.Is(err, parley.Unavailable) || len(parley.SayOf(err)) < 20 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPulledModelStandsBesideThoseThatShip(t *testing.T) {
	t.Parallel()
	files := find(t)
	data, binary := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(data, "models"), 0o700))
	must(t, os.Symlink(filepath.Join(files.Models, "whisper-base"), filepath.Join(data, "models", "whisper-base")))
	must(t, os.Symlink(files.Models, filepath.Join(binary, "models")))
	found, err := sherpa.Find(sherpa.Places{Library: files.Library, Data: data, Binary: binary})
	must(t, err)
	if found.Models != filepath.Join(data, "models") || found.Voices != filepath.Join(binary, "models") {
		t.Errorf("%+v", found)
	}
	if _, err := sherpa.New(sherpa.Config{Files: found, Command: []string{"x"}}, zap.NewNop(), prometheus.NewRegistry()); err != nil {
		t.Error(err)
	}
}

// TestAPulledSenseVoiceTakesOver runs a stub of that kind: random weights, so only the shape is looked at.
func TestAPulledSenseVoiceTakesOver(t *testing.T) {
	t.Parallel()
	files := find(t)
	here, err := os.Getwd()
	must(t, err)
	stub := filepath.Join(sherpa.ModuleRoot(here), "..", "shared", "models", "stub-sense-voice")
	if _, err := os.Stat(stub); err != nil {
		t.Skip("the stub of a model is not here:", err)
	}
	data := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(data, "models"), 0o700))
	must(t, os.Symlink(stub, filepath.Join(data, "models", "stub-sense-voice")))
	places := sherpa.Places{Library: files.Library, Data: data, Module: sherpa.ModuleRoot(here)}
	found, err := sherpa.Find(places)
	must(t, err)
	if found.Model != "stub-sense-voice" || found.Voices == found.Models {
		t.Errorf("%+v", found)
	}
	e := start(t, found)
	s := speech(t, "yue_sensevoice_example.wav")
	for _, lang := range []string{"", "yue", "en"} {
		r, err := e.Recognize(t.Context(), s, transcribe.Hint{Lang: lang})
		must(t, err)
		if r.Model != "stub-sense-voice" || r.Tokens == 0 || len(r.Words) == 0 || strings.Contains(r.Lang, "|") {
			t.Errorf("%q: %d tokens, %d words, language %q, by %s", lang, r.Tokens, len(r.Words), r.Lang, r.Model)
		}
	}
	places.Model = "whisper-base"
	if found, err := sherpa.Find(places); err != nil || found.Model != "whisper-base" {
		t.Errorf("%+v, %v", found, err)
	}
	for _, missing := range []string{"other-sense-voice", "zipformer"} {
		places.Model = missing
		if _, err := sherpa.Find(places); !errors.Is(err, parley.Unavailable) || !strings.Contains(parley.SayOf(err), missing) {
			t.Errorf("%s: %v", missing, err)
		}
	}
}

func TestADamagedModelIsNamed(t *testing.T) {
	t.Parallel()
	files := find(t)
	damaged := t.TempDir()
	for _, name := range []string{"whisper-base/encoder.int8.onnx", "whisper-base/decoder.int8.onnx", "whisper-base/tokens.txt", "silero-vad/silero_vad.onnx"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(damaged, name)), 0o700))
		must(t, os.Symlink(filepath.Join(files.Models, name), filepath.Join(damaged, name)))
	}
	voice := filepath.Join(damaged, "silero-vad/silero_vad.onnx")
	must(t, os.Remove(voice))
	must(t, os.WriteFile(voice, []byte("not a model"), 0o600))
	if found, err := sherpa.Find(sherpa.Places{Library: files.Library, Models: damaged}); err != nil || found.Voices != damaged {
		t.Errorf("%+v, %v", found, err)
	}
	_, err := sherpa.New(sherpa.Config{Files: sherpa.Files{Library: files.Library, Models: damaged}, Command: []string{"x"}},
		zap.NewNop(), prometheus.NewRegistry())
	if !errors.Is(err, parley.Unavailable) || !strings.Contains(parley.SayOf(err), voice) {
		t.Error(err)
	}
}

func TestALibraryThatIsNoneDoesNotEndTheServer(t *testing.T) {
	t.Parallel()
	files := find(t)
	files.Library = filepath.Join(t.TempDir(), "libsherpa-onnx-c-api.so")
	must(t, os.WriteFile(files.Library, []byte("not a library"), 0o600))
	e := start(t, files)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(poll) {
		if ok, missing := e.Words(); !ok && strings.Contains(missing, "does not start") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody says that the engine does not start")
		}
	}
}
