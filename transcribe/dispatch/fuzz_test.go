package dispatch

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/parley/parley"
)

// FuzzAnswer takes what any worker may send: what is accepted comes back the same, and can be shown.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"words":[{"text":"we","start_ms":0,"end_ms":200},{"text":" go","start_ms":200,"end_ms":900,"heard":" goo"}],"lang":"en","confidence":"clear","engine":"sherpa","model":"whisper-base"}`))
	f.Add([]byte(`{"words":[{"text":"係","start_ms":0,"end_ms":60000}],"lang":"zh-Hant-HK","confidence":"hardly heard","engine":"e","model":"m","guarded":true}`))
	f.Add([]byte(`{"words":[{"text":"","start_ms":-1,"end_ms":1e99}],"lang":"x","engine":"` + string(bytes.Repeat([]byte("e"), 65)) + `"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var sent answer
		if decode(bytes.NewReader(text), maxAnswer, &sent) != nil {
			return
		}
		heard, err := sent.answer()
		if err != nil {
			if parley.KindOf(err) != parley.Invalid {
				t.Error(err)
			}
			return
		}
		again, err := wireAnswer(heard).answer()
		if err != nil || !reflect.DeepEqual(again, heard) {
			t.Errorf("%+v comes back as %+v, %v", heard, again, err)
		}
		for i, w := range heard.Words {
			if w.Text == "" || w.Start < 0 || w.End < w.Start || w.End > longestAudio || i > 0 && w.Start < heard.Words[i-1].Start {
				t.Errorf("word %d: %+v", i, w)
			}
		}
	})
}

// FuzzClaim takes what any worker may ask.
func FuzzClaim(f *testing.F) {
	f.Add([]byte(claimBody("hk")))
	f.Add([]byte(`{"protocol":1,"kind":"again","region":"hk","wait_ms":9223372036854775807}`))
	f.Add([]byte(`{"protocol":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var asked claim
		if decode(bytes.NewReader(text), maxRequest, &asked) != nil || asked.check() != nil {
			return
		}
		if wait := asked.wait(); wait < 0 || wait > longestWait {
			t.Errorf("waits %v", wait)
		}
	})
}

// FuzzTask takes what any server may send: what is accepted stays within the bounds, and its lease within
// one part of an address.
func FuzzTask(f *testing.F) {
	f.Add([]byte(`{"lease":"ABC","kind":"transcribe","region":"hk","utterance":"u","language":"yue","spoken_ms":{"en":9000},"terms":["Nora"],"audio":"T2dnUw=="}`))
	f.Add([]byte(`{"lease":"../../x?","kind":"transcribe","region":"hk","spoken_ms":{"en":-9223372036854775808}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var sent task
		if decode(bytes.NewReader(text), maxTask, &sent) != nil {
			return
		}
		made, err := sent.task(parley.JobTranscribe, "hk")
		if err != nil {
			return
		}
		if made.Kind != parley.JobTranscribe || made.Region != "hk" || len(made.Audio) > maxAudio || len(made.Terms) > maxTerms {
			t.Errorf("%+v", made)
		}
		for _, d := range made.Spoken {
			if d < 0 {
				t.Errorf("spoken for %v", d)
			}
		}
	})
}
