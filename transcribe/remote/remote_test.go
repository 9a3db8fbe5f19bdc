package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tone(d time.Duration) pcm.Speech {
	s := make(pcm.Speech, pcm.Samples(d))
	for i := range s {
		s[i] = float32(i%64)/128 - 0.25
	}
	return s
}

// serve runs a speech server for region hk, and an engine that asks it.
func serve(t *testing.T, key string, answer http.HandlerFunc) *Engine {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	c := transcribe.RemoteConfig{Region: "hk", URL: s.URL, Model: "large"}
	if key != "" {
		c.KeyFile = filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(c.KeyFile, []byte(key+"\n"), 0o600))
	}
	e, err := New([]transcribe.RemoteConfig{c})
	must(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	e.client, e.pause, e.patient = &http.Client{Transport: transport}, time.Millisecond, 100*time.Millisecond
	return e
}

const spokenJSON = `{"text":" We meet on Friday.","language":"english","duration":2,"words":[
	{"word":"We","start":0.1,"end":0.3},{"word":"meet","start":0.4,"end":0.7},
	{"word":"on","start":0.8,"end":0.9},{"word":"Friday","start":1.0,"end":1.6}]}`

func TestAGoodServer(t *testing.T) {
	t.Parallel()
	e := serve(t, "s3cret", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/audio/transcriptions" || r.Header.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("asked %s %s", r.Method, r.URL.Path)
		}
		file, _, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		content, _ := io.ReadAll(file)
		sound, err := pcm.ReadWAV(bytes.NewReader(content))
		if err != nil || sound.Rate != pcm.Rate || len(sound.Channels) != 1 || len(sound.Channels[0]) != 2*pcm.Rate {
			t.Errorf("sent %d Hz, %v", sound.Rate, err)
		}
		if r.FormValue("model") != "large" || r.FormValue("language") != "en" || r.FormValue("response_format") != "verbose_json" {
			t.Errorf("sent %v", r.MultipartForm.Value)
		}
		_, _ = io.WriteString(w, spokenJSON)
	})
	r, err := e.Recognize(t.Context(), tone(2*time.Second), transcribe.Hint{Lang: "en", Region: "hk"})
	must(t, err)
	if r.Text() != "We meet on Friday." || r.Lang != "en" || r.Engine != "remote" || r.Model != "large" || len(r.Words) != 4 ||
		r.Words[3].Start != time.Second {
		t.Errorf("%+v", r)
	}
	if ok, missing := e.Words(); !ok {
		t.Error(missing)
	}
}

func TestNoOtherRegionIsAsked(t *testing.T) {
	t.Parallel()
	e := serve(t, "", func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	for _, region := range []parley.Region{"eu", ""} {
		if _, err := e.Recognize(t.Context(), tone(time.Second), transcribe.Hint{Region: region}); !errors.Is(err, parley.Unavailable) {
			t.Errorf("%q: %v", region, err)
		}
	}
}

// TestBadServers wants Unavailable where the job is to be given back, and another error where the fault
// may be the speech's own.
func TestBadServers(t *testing.T) {
	t.Parallel()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		away   bool
		asked  int32
	}{
		"fails":              {status(http.StatusInternalServerError), true, tries},
		"is overloaded":      {status(http.StatusTooManyRequests), true, tries},
		"refuses the key":    {status(http.StatusUnauthorized), true, 1},
		"refuses the speech": {status(http.StatusBadRequest), false, 1},
		"is slow": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, true, tries},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"text":"We`)
			panic(http.ErrAbortHandler)
		}, true, tries},
		"answers a page":        {say("<html>Log in</html>"), false, 1},
		"answers nothing":       {say(""), false, 1},
		"answers another thing": {say(`{"error":"no such model"}`), false, 1},
		"answers no text":       {say(`{"text":[1,2]}`), false, 1},
		"babbles":               {say(`{"text":"` + strings.Repeat("bla ", 5000) + `"}`), false, 1},
		"never stops":           {say(`{"text":"` + strings.Repeat("x", mostAnswer+10)), false, 1},
	} {
		var asked atomic.Int32
		e := serve(t, "", func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			c.answer(w, r)
		})
		r, err := e.Recognize(t.Context(), tone(100*time.Millisecond), transcribe.Hint{Region: "hk"})
		if err == nil || errors.Is(err, parley.Unavailable) != c.away || len(r.Words) != 0 {
			t.Errorf("%s: %v, %d words", name, err, len(r.Words))
		}
		if asked.Load() != c.asked {
			t.Errorf("%s: asked %d times", name, asked.Load())
		}
		if ok, _ := e.Words(); ok == c.away {
			t.Errorf("%s: the health says %v", name, ok)
		}
		if err != nil && strings.Contains(err.Error(), "bla") {
			t.Errorf("%s: the text is in the error", name)
		}
	}
}

func TestAServerThatComesBack(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	e := serve(t, "", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < tries {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, spokenJSON)
	})
	r, err := e.Recognize(t.Context(), tone(2*time.Second), transcribe.Hint{Region: "hk"})
	if err != nil || r.Text() != "We meet on Friday." || r.Lang != "en" {
		t.Errorf("%q, %v", r.Text(), err)
	}
}

func TestACallerThatGivesUpIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	e := serve(t, "", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	if _, err := e.Recognize(ctx, tone(time.Second), transcribe.Hint{Region: "hk"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if ok, _ := e.Words(); !ok {
		t.Error("the health says that the server is away")
	}
}

// wantSane checks what any answer must come to.
func wantSane(t *testing.T, words []parley.Word, length time.Duration) {
	t.Helper()
	last := time.Duration(0)
	for i, w := range words {
		if w.Start < last || w.End < w.Start || w.End > length {
			t.Errorf("word %d from %v to %v, after %v, of %v", i, w.Start, w.End, last, length)
		}
		last = w.Start
	}
}

func TestTimesThatLie(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, text string }{
		"none":          {`{"text":"We meet 明天。"}`, "We meet 明天。"},
		"they fall":     {`{"text":"We meet","words":[{"word":"We","start":1.5,"end":1},{"word":"meet","start":0.5,"end":0.2}]}`, "We meet"},
		"outside":       {`{"text":"We meet","words":[{"word":"We","start":-4,"end":1e300},{"word":"meet","start":99,"end":100}]}`, "We meet"},
		"of other text": {`{"text":"We meet","words":[{"word":"Thank","start":0,"end":1},{"word":"you","start":1,"end":2}]}`, "We meet"},
		"nothing said":  {`{"text":"","words":[]}`, ""},
	} {
		words, _, err := parseAnswer([]byte(c.body), 2*time.Second)
		must(t, err)
		wantSane(t, words, 2*time.Second)
		if got := (transcribe.Result{Words: words}).Text(); got != c.text {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAKeyThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no-key")
	_, err := New([]transcribe.RemoteConfig{{Region: "hk", URL: "http://x", Model: "m", KeyFile: missing}})
	if !errors.Is(err, parley.Invalid) || !strings.Contains(parley.SayOf(err), missing) {
		t.Error(err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(spokenJSON))
	f.Add([]byte(`{"text":"  明 天 a","language":"zh-Hant"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		const length = 3 * time.Second
		words, lang, err := parseAnswer(body, length)
		if err != nil {
			return
		}
		wantSane(t, words, length)
		if len(lang) > 3 || len(words) > 300 {
			t.Error(fmt.Sprint(lang, len(words)))
		}
	})
}

// TestADraftIsAskedForOnce has a server that is away and one that is slow: the next draft knows more.
func TestADraftIsAskedForOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	e := serve(t, "", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := e.Recognize(t.Context(), tone(time.Second), transcribe.Hint{Region: "hk", Draft: true})
	if !errors.Is(err, parley.Unavailable) || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	if ok, missing := e.Words(); !ok {
		t.Errorf("a draft is missed, and people are told %q", missing)
	}
}
