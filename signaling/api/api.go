package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/problem"
	"github.com/parley/parley/transcribe/minutes"
)

const (
	// maxBody is far more than any request of this interface needs, in bytes.
	maxBody = 64 << 10
	// maxName is the length of a name and of a title, in characters.
	maxName = 80
)

// Rooms are the meetings that run in this process.
type Rooms interface {
	// ServeHTTP is the WebSocket of a meeting: the path value "id".
	http.Handler
	// Present names who is in a meeting just now, in order of joining; nobody when it does not run.
	Present(ctx context.Context, id parley.MeetingID) ([]string, error)
}

// Deps is what the handlers work with; every field is set.
type Deps struct {
	Auth      *auth.Auth
	Regions   parley.Regions
	Order     []parley.Region // of the configuration; a meeting that names no region goes to the first
	Directory parley.Directory
	Rooms     Rooms
	Words     func() (ok bool, missing string) // does a recognizer run, and what to say when not
	Speech    Speech
	Files     Files
	Extractor minutes.Extractor
	BaseURL   string // where browsers reach this server, "https://meet.example.org"
	// ICEServers are what a caller who may join a meeting reaches it through, with credentials for them;
	// none where browsers reach the server by themselves.
	ICEServers func(parley.MeetingID, parley.Identity) []ICEServer
	Log        *zap.Logger
}

type server struct {
	Deps

	shelf    shelf
	extracts chan struct{} // one place for each extraction at a time
}

type route struct {
	pattern string // of net/http.ServeMux
	serve   func(w http.ResponseWriter, r *http.Request) error
}

// New returns the handler of everything under /api/v1/, the WebSocket included.
func New(deps Deps) http.Handler {
	s := &server{Deps: deps, extracts: make(chan struct{}, extractsAtOnce)}
	mux := http.NewServeMux()
	for _, route := range s.routes() {
		mux.Handle(route.pattern, s.handle(route.serve))
	}
	mux.Handle("/api/v1/", s.handle(func(http.ResponseWriter, *http.Request) error {
		return notFound("There is nothing at this address.")
	}))
	return mux
}

func (s *server) routes() []route {
	return []route{
		{"GET /api/v1/session", s.showSession},
		{"POST /api/v1/session", s.openSession},
		{"POST /api/v1/meetings", s.createMeeting},
		{"GET /api/v1/meetings/{id}", s.showMeeting},
		{"GET /api/v1/meetings/{id}/socket", s.socket},
		{"GET /api/v1/records", s.listRecords},
		{"GET /api/v1/records/{id}", s.showRecord},
		{"GET /api/v1/records/{id}/transcript", s.transcript},
		{"GET /api/v1/records/{id}/items", s.exportItems},
		{"POST /api/v1/records/{id}/items", s.addItem},
		{"POST /api/v1/records/{id}/items/{item}/changes", s.changeItem},
		{"POST /api/v1/extractions", s.extract},
		{"PUT /api/v1/records/{id}/utterances/{utterance}", s.editUtterance},
		{"GET /api/v1/records/{id}/utterances/{utterance}/versions", s.listVersions},
		{"POST /api/v1/records/{id}/passes", s.hearAgain},
		{"POST /api/v1/records/{id}/retry", s.retryParked},
		{"POST /api/v1/transcriptions", s.transcribeFile},
		{"GET /api/v1/records/{id}/tracks/{track}/segments/{number}", s.segment},
	}
}

func (s *server) socket(w http.ResponseWriter, r *http.Request) error {
	s.Rooms.ServeHTTP(w, r)
	return nil
}

// handle surrounds a handler: every request has an identifier, a fault ends only its request, and
// only a page of this server may change anything.
func (s *server) handle(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(problem.RequestIDHeader, uuid.Must(uuid.NewV7()).String())
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
				panic(fault)
			}
			s.fail(w, r, fmt.Errorf("panic: %v\n%s", fault, debug.Stack()))
		}()
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !s.Auth.SameOrigin(r) {
			s.fail(w, r, &parley.Error{
				Op: "check origin", Kind: parley.Forbidden, Say: "A page of another site cannot do this.",
			})
			return
		}
		if err := serve(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// fail answers, and logs what an operator can act on: the one place where the log has a request.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch parley.KindOf(err) {
	case parley.Internal, parley.Full, parley.Unavailable:
		if r.Context().Err() == nil { // else nobody waits, and the cause is that
			s.Log.Error("request failed", zap.String("request", w.Header().Get(problem.RequestIDHeader)),
				zap.String("route", r.Pattern), zap.Error(err))
		}
	default:
	}
	problem.Write(w, r, err)
}

// readBody decodes a JSON object strictly; no body at all is an empty object.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		_, err = decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &parley.Error{
			Op: "read body", Kind: parley.TooLarge, Say: fmt.Sprintf("A request has at most %d bytes.", maxBody),
		}
	}
	if field, ok := strings.CutPrefix(fmt.Sprint(err), "json: unknown field "); ok {
		return invalid("The field " + field + " is not known.")
	}
	return invalid("The body is not the JSON object this address takes.")
}

// writeJSON answers with a value. What depends on the caller is not cached.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the connection is gone: nobody is left to tell
	return nil
}

// cleanLine trims a name or title and refuses what is not one line of it.
func cleanLine(what, text string) (string, error) {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > maxName {
		return "", &parley.Error{
			Op: "read body", Kind: parley.TooLarge, Say: fmt.Sprintf("The %s has at most %d characters.", what, maxName),
		}
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", invalid("The " + what + " is one line of text.")
	}
	return text, nil
}

func invalid(say string) error {
	return &parley.Error{Op: "read request", Kind: parley.Invalid, Say: say}
}

func notFound(say string) error {
	return &parley.Error{Op: "find", Kind: parley.NotFound, Say: say}
}
