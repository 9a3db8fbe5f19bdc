package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
)

const (
	// deadline and pace bound one answer, as they do for the engine on this machine.
	deadline = 20 * time.Second
	pace     = 4
	// tries is how often a server that is away is asked before the job is given back.
	tries = 3
	// draftDeadline bounds the answer about an utterance under way: the next one knows more.
	draftDeadline = 3 * time.Second
	// mostAnswer bounds an answer, in bytes: 28 s of words with times are 20 kB.
	mostAnswer = 1 << 20
)

// Engine asks one server per region. It is safe for concurrent use.
type Engine struct {
	// constant after New
	servers map[parley.Region]server
	client  *http.Client
	pause   time.Duration // before the second try; it doubles
	patient time.Duration // for an answer, besides the speech's own length

	mu      sync.Mutex // guards everything below
	trouble string     // of the last request, for a person; "" when it went well
}

type server struct {
	address, model, key string
}

var (
	_ transcribe.Recognizer = (*Engine)(nil)
	_ transcribe.Health     = (*Engine)(nil)
)

// New reads the key files and asks nobody yet. Its errors are Invalid and name what is wrong.
func New(servers []transcribe.RemoteConfig) (*Engine, error) {
	e := &Engine{servers: map[parley.Region]server{}, client: &http.Client{}, pause: 500 * time.Millisecond, patient: deadline}
	for _, c := range servers {
		s := server{model: c.Model}
		address, err := url.JoinPath(c.URL, "v1/audio/transcriptions")
		if err != nil {
			return nil, fmt.Errorf("transcribe.remote: url: %w", parley.Invalid)
		}
		s.address = address
		if c.KeyFile != "" {
			key, err := os.ReadFile(c.KeyFile)
			if err != nil {
				return nil, &parley.Error{
					Op: "read key", Kind: parley.Invalid, Err: err,
					Say: "transcribe.remote: key_file " + c.KeyFile + " cannot be read",
				}
			}
			s.key = strings.TrimSpace(string(key))
		}
		e.servers[c.Region] = s
	}
	return e, nil
}

// Words implements transcribe.Health: how the last request went.
func (e *Engine) Words() (ok bool, missing string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.trouble == "", e.trouble
}

func (e *Engine) note(trouble string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trouble = trouble
}

// Recognize implements transcribe.Recognizer. A draft is asked for once, and briefly. A server that is away, slow, overloaded or refuses the key
// is Unavailable, after some tries; one that refuses this speech, or answers nonsense, is not.
func (e *Engine) Recognize(ctx context.Context, s pcm.Speech, h transcribe.Hint) (transcribe.Result, error) {
	to, ok := e.servers[h.Region]
	result := transcribe.Result{Lang: h.Lang, Engine: "remote", Model: to.model}
	if !ok {
		return result, unavailable("no speech server is configured for region "+string(h.Region), nil)
	}
	if s.Duration() > transcribe.MaxSpeech {
		return result, fmt.Errorf("recognize %v of speech: %w", s.Duration(), parley.Invalid)
	}
	if len(s) == 0 {
		return result, nil
	}
	var body []byte
	var err error
	if h.Draft {
		body, err = e.ask(ctx, to, s, h.Lang, draftDeadline)
	} else {
		body, err = e.askUntilAnswered(ctx, to, s, h.Lang)
	}
	if err != nil {
		if parley.KindOf(err) == parley.Unavailable && ctx.Err() == nil && !h.Draft {
			e.note("The speech server does not answer; words will follow.")
		}
		return result, err
	}
	words, lang, err := parseAnswer(body, s.Duration())
	if err != nil {
		return result, fmt.Errorf("recognize: %w", err)
	}
	e.note("")
	result.Words = words
	if result.Lang == "" {
		result.Lang = lang
	}
	return result, nil
}

func unavailable(say string, err error) error {
	return &parley.Error{Op: "ask speech server", Kind: parley.Unavailable, Say: say, Err: err}
}

// askUntilAnswered tries again what may pass.
func (e *Engine) askUntilAnswered(ctx context.Context, to server, s pcm.Speech, lang string) ([]byte, error) {
	pause := e.pause
	for n := 1; ; n++ {
		body, err := e.ask(ctx, to, s, lang, e.patient+pace*s.Duration())
		if err == nil || parley.KindOf(err) != parley.Unavailable || n == tries || errors.Is(err, errRefused) {
			return body, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		pause *= 2
	}
}

// errRefused marks what another try would not mend: the key.
var errRefused = errors.New("the key is refused")

// ask asks once, and waits so long.
func (e *Engine) ask(ctx context.Context, to server, s pcm.Speech, lang string, wait time.Duration) ([]byte, error) {
	own, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	form, kind, err := formOf(to, s, lang)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(own, http.MethodPost, to.address, form)
	if err != nil {
		return nil, fmt.Errorf("ask speech server: %w", err)
	}
	request.Header.Set("Content-Type", kind)
	if to.key != "" {
		request.Header.Set("Authorization", "Bearer "+to.key)
	}
	response, err := e.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, unavailable("the speech server cannot be reached", errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	switch code := response.StatusCode; {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return nil, unavailable("the speech server refuses the key", errRefused)
	case code >= http.StatusInternalServerError, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return nil, unavailable("the speech server answers "+response.Status, nil)
	case code != http.StatusOK:
		return nil, fmt.Errorf("the speech server answers %s", response.Status)
	case err != nil:
		return nil, unavailable("the speech server breaks off", err)
	case len(body) > mostAnswer:
		return nil, errTooMuch
	}
	return body, nil
}

// formOf writes the request, with its content type.
func formOf(to server, s pcm.Speech, lang string) (io.Reader, string, error) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	fields := [][2]string{{"model", to.model}, {"response_format", "verbose_json"}, {"timestamp_granularities[]", "word"}}
	if lang != "" {
		fields = append(fields, [2]string{"language", lang})
	}
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return nil, "", fmt.Errorf("write request: %w", err)
		}
	}
	part, err := w.CreateFormFile("file", "speech.wav")
	if err == nil {
		_, err = part.Write(wav(s))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, "", fmt.Errorf("write request: %w", err)
	}
	return &out, w.FormDataContentType(), nil
}
