package sherpa

import (
	"bytes"
	"testing"
	"time"

	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
)

func FuzzReadFrame(f *testing.F) {
	var good bytes.Buffer
	if err := writeFrame(&good, frame{askHear, 7, hearRequest(3, make(pcm.Speech, transcribe.Window))}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := readFrame(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, read); err != nil || !bytes.HasPrefix(b, again.Bytes()) {
			t.Errorf("a frame of kind %d is not what was read: %v", read.kind, err)
		}
	})
}

// FuzzRequests are what the child reads; whatever they hold, samples are numbers and few enough.
func FuzzRequests(f *testing.F) {
	f.Add(recognizeRequest(request{"en", true, pcm.Speech{0.1, -0.2}}))
	f.Add(hearRequest(1, make(pcm.Speech, transcribe.Window)))
	f.Add([]byte{2, 'e'})
	f.Fuzz(func(t *testing.T, b []byte) {
		asked, err := parseRecognizeRequest(b)
		s := asked.speech
		if err == nil && (!whisperLanguage(asked.lang) || s.Duration() > transcribe.MaxSpeech) {
			t.Errorf("language %q, %v", asked.lang, s.Duration())
		}
		_, heard, err := parseHearRequest(b)
		if err == nil && len(heard)%transcribe.Window != 0 {
			t.Errorf("%d samples", len(heard))
		}
		for _, x := range append(s, heard...) {
			if !(x >= -8 && x <= 8) { // so is a NaN
				t.Errorf("a sample of %v", x)
			}
		}
	})
}

// FuzzAnswers are what the parent reads of its child.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"lang":"en","words":[{"text":"a","start":1000,"end":2000}]}`))
	f.Add([]byte(`{"library":"` + Version + `"}`))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseHello(b); err == nil && h.Library != Version {
			t.Errorf("version %q", h.Library)
		}
		if heard, err := parseHeard(b, 2); err == nil && len(heard) != 2 {
			t.Errorf("%d decisions", len(heard))
		}
		told, err := parseRecognized(b, time.Second)
		last := time.Duration(0)
		for _, w := range told.Words {
			if err == nil && (w.Start < last || w.End < w.Start || w.End > time.Second) {
				t.Errorf("a word from %v to %v", w.Start, w.End)
			}
			last = w.Start
		}
	})
}

// FuzzRecodeTokens are tables of tokens as a model has them.
func FuzzRecodeTokens(f *testing.F) {
	f.Add([]byte("aGk= 0\n= 1\n4A== 2\n"))
	f.Add([]byte("x y\n"))
	f.Fuzz(func(t *testing.T, table []byte) {
		recoded, err := recodeTokens(table)
		if err == nil && bytes.Count(recoded, []byte("\n")) == 0 {
			t.Error("no tokens and no error")
		}
	})
}
