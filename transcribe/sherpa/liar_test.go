package sherpa_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/sherpa"
)

const hello = `{"library":"1.13.4","model":"whisper-base","voice":"silero-v6"}`

// lie is a child that speaks the protocol and lies in it, or does not speak it. It ends with its input.
func lie(how string) {
	say := func(kind byte, id uint32, text string) {
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
		b = binary.LittleEndian.AppendUint32(append(b, kind), id)
		_, _ = os.Stdout.Write(append(b, text...))
	}
	switch how {
	case "noise":
		_, _ = os.Stdout.WriteString(strings.Repeat("Segmentation fault\n", 1000))
	case "another version":
		say(16, 0, strings.Replace(hello, "1.13.4", "1.13.8", 1))
	default:
		say(16, 0, hello)
	}
	in := bufio.NewReader(os.Stdin)
	for {
		var header [9]byte
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, in, int64(binary.LittleEndian.Uint32(header[:]))); err != nil {
			return
		}
		id := binary.LittleEndian.Uint32(header[5:])
		switch how {
		case "no JSON":
			say(19, id, "ich verstehe nicht")
		case "times that fall":
			say(19, id, `{"words":[{"text":"b","start":500000000,"end":600000000},{"text":"a","start":100000000,"end":200000000}]}`)
		case "words after the end":
			say(19, id, `{"words":[{"text":"a","start":0,"end":3600000000000}]}`)
		case "a frame without end":
			_, _ = os.Stdout.Write([]byte{0xff, 0xff, 0xff, 0xff, 19, 1, 0, 0, 0})
		case "half a frame":
			_, _ = os.Stdout.Write([]byte{100, 0, 0, 0, 19, 1})
			return
		case "nothing":
			say(19, id, `{}`)
		}
	}
}

// lying runs an engine whose child lies, until the test ends, with its log.
func lying(t *testing.T, how string) (*sherpa.Engine, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	e, err := sherpa.New(sherpa.Config{Files: find(t), Command: []string{os.Args[0], "lie", how}}, zap.New(core), prometheus.NewRegistry())
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return e, logs
}

// TestAnEngineThatLiesIsEnded has children that greet well and answer badly: each is ended, and another asked.
func TestAnEngineThatLiesIsEnded(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"no JSON", "times that fall", "words after the end", "a frame without end", "half a frame"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			e, logs := lying(t, how)
			waitForWords(t, e)
			_, err := e.Recognize(t.Context(), make(pcm.Speech, pcm.Rate), transcribe.Hint{})
			if err == nil || errors.Is(err, parley.Unavailable) { // it may be the speech's fault: it is tried so often only
				t.Errorf("%v", err)
			}
			for deadline := time.Now().Add(20 * time.Second); logs.FilterMessage("speech engine runs").Len() < 2; time.Sleep(poll) {
				if time.Now().After(deadline) {
					t.Fatal("no other engine is started")
				}
			}
		})
	}
}

// TestAnEngineThatGreetsBadlyIsNotAsked has children that do not speak as this version does.
func TestAnEngineThatGreetsBadlyIsNotAsked(t *testing.T) {
	t.Parallel()
	for how, reason := range map[string]string{"noise": "a frame of", "another version": `version "1.13.8"`} {
		e, logs := lying(t, how)
		wantEndedFor(t, e, logs, reason)
	}
}

func wantEndedFor(t *testing.T, e *sherpa.Engine, logs *observer.ObservedLogs, reason string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); logs.FilterMessage("speech engine ended").Len() == 0; time.Sleep(poll) {
		if time.Now().After(deadline) {
			t.Fatal("the engine goes on")
		}
	}
	ended := logs.FilterMessage("speech engine ended").All()[0]
	if text := fmt.Sprint(ended.ContextMap()["error"]); !strings.Contains(text, reason) {
		t.Errorf("it ended because of %q, not %q", text, reason)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(poll) {
		if ok, missing := e.Words(); !ok && strings.Contains(missing, "does not start") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody says that the engine does not start")
		}
	}
}

// TestAnEngineThatHearsNothing answers that there are no words: that is an answer.
func TestAnEngineThatHearsNothing(t *testing.T) {
	t.Parallel()
	e, _ := lying(t, "nothing")
	waitForWords(t, e)
	r, err := e.Recognize(t.Context(), make(pcm.Speech, pcm.Rate), transcribe.Hint{Lang: "en"})
	if err != nil || len(r.Words) != 0 || r.Lang != "en" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestALibraryOfAnotherVersionIsRefused builds one that says so; structs would be read wrongly.
func TestALibraryOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	files := find(t)
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler:", err)
	}
	source := filepath.Join(t.TempDir(), "other.c")
	files.Library = filepath.Join(filepath.Dir(source), "libsherpa-onnx-c-api.so")
	must(t, os.WriteFile(source, []byte(`const char *SherpaOnnxGetVersionStr(void) { return "1.13.8"; }`), 0o600))
	out, err := exec.CommandContext(t.Context(), compiler, "-shared", "-fPIC", "-o", files.Library, source).CombinedOutput()
	if err != nil {
		t.Skipf("%v: %s", err, out)
	}
	core, logs := observer.New(zapcore.InfoLevel)
	e := startLogging(t, files, zap.New(core))
	wantEndedFor(t, e, logs, "is version 1.13.8; parley needs 1.13.4")
	if _, err := e.Listen(t.Context()); !errors.Is(err, parley.Unavailable) { // a recognition would wait for another child
		t.Error(err)
	}
}

// TestAnEngineThatHangsIsEnded has a child that greets and never answers. A detector does not wait as long as a
// recognition.
func TestAnEngineThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	e, logs := lying(t, "silence")
	waitForWords(t, e)
	if _, err := e.Listen(t.Context()); err == nil {
		t.Error("a child that says nothing opens a detector")
	}
	for deadline := time.Now().Add(20 * time.Second); logs.FilterMessage("speech engine runs").Len() < 2; time.Sleep(poll) {
		if time.Now().After(deadline) {
			t.Fatal("no other engine is started")
		}
	}
}

// TestManyMicrophonesOpenAtOnce has a large meeting begin: more detectors than the child opens in the time that
// it has to answer. Some wait and are told so; nobody takes it for a hang.
func TestManyMicrophonesOpenAtOnce(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.InfoLevel)
	e := startLogging(t, find(t), zap.New(core))
	waitForWords(t, e)
	first, err := e.Listen(t.Context())
	must(t, err)
	defer first.Close()
	var all sync.WaitGroup
	var opened atomic.Int32
	for range 300 {
		all.Go(func() {
			v, err := e.Listen(t.Context())
			if err == nil {
				opened.Add(1)
				v.Close()
			} else if !errors.Is(err, parley.Unavailable) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := first.Hear(t.Context(), make(pcm.Speech, transcribe.Window)); err != nil || opened.Load() == 0 {
		t.Errorf("%d were opened; the one before them: %v", opened.Load(), err)
	}
	if n := logs.FilterMessage("speech engine runs").Len(); n != 1 {
		t.Errorf("%d engines were started", n)
	}
}
