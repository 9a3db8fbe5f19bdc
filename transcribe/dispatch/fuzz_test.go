package dispatch

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe"
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

// FuzzWords takes what any engine may say: the server accepts what is sent of it.
func FuzzWords(f *testing.F) {
	f.Add("we", " go", int64(0), int64(200e6), int64(100e6), int64(900e6))
	f.Add("\x1b[2J", "\xff", int64(-5), int64(1<<62), int64(-1<<62), int64(7))
	f.Add(string(bytes.Repeat([]byte("係"), 100)), "", int64(61e9), int64(0), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, one, two string, start1, end1, start2, end2 int64) {
		said := transcribe.Answer{Engine: "e", Model: "m", Words: []parley.Word{
			{Text: one, Start: time.Duration(start1), End: time.Duration(end1), Heard: two},
			{Text: two, Start: time.Duration(start2), End: time.Duration(end2)},
		}}
		text, err := json.Marshal(wireAnswer(said))
		if err != nil {
			t.Fatal(err)
		}
		var sent answer
		if err := decode(bytes.NewReader(text), maxAnswer, &sent); err != nil {
			t.Fatal(err)
		}
		heard, err := sent.answer()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if isText(one) && one != "" && heard.Words[0].Text != one {
			t.Errorf("%q became %q", one, heard.Words[0].Text)
		}
	})
}
