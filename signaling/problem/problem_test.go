package problem

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/parley/parley"
)

func TestEveryKind(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]parley.Kind{}
	for _, kind := range parley.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			if other, ok := seen[Status(kind)]; ok {
				t.Errorf("has the same status as %s: %d", other, Status(kind))
			}
			seen[Status(kind)] = kind
			if (Status(kind) == http.StatusInternalServerError) != (kind == parley.Internal) {
				t.Errorf("has no row in the table")
			}
			if !strings.Contains(string(text), "\n## "+string(kind)+"\n") {
				t.Errorf("docs/problems.md has no heading for it")
			}
			wantRoundTrip(t, kind)
		})
	}
}

// wantRoundTrip writes an error of a kind and reads it as a client does.
func wantRoundTrip(t *testing.T, kind parley.Kind) {
	t.Helper()
	response := write(t, &parley.Error{Op: "test", Kind: kind, Say: "A sentence.", Err: errors.New("secret cause")})
	defer response.Body.Close()
	err := Read("ask", response)
	if parley.KindOf(err) != kind {
		t.Errorf("comes back as %s", parley.KindOf(err))
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("shows its cause: %v", err)
	}
	if kind != parley.Internal && parley.SayOf(err) != "A sentence." {
		t.Errorf("says %q", parley.SayOf(err))
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	t.Run("internal errors show nothing", func(t *testing.T) {
		t.Parallel()
		response := write(t, errors.New("open /secret/path: denied"))
		defer response.Body.Close()
		if err := Read("ask", response); strings.Contains(err.Error(), "secret") {
			t.Errorf("the answer says %v", err)
		}
	})
	t.Run("says how to identify oneself", func(t *testing.T) {
		t.Parallel()
		response := write(t, parley.Unauthorized)
		defer response.Body.Close()
		if response.Header.Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate header")
		}
	})
	t.Run("carries the request id", func(t *testing.T) {
		t.Parallel()
		if got := Of(parley.NotFound, "0190").Instance; got != "urn:uuid:0190" {
			t.Errorf("instance is %q", got)
		}
	})
}

func TestWriteStatus(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "/", nil)
	WriteStatus(recorder, request, http.StatusPreconditionFailed, &parley.Error{Op: "test", Kind: parley.Conflict, Say: "A sentence."})
	response := recorder.Result()
	defer response.Body.Close()
	if response.StatusCode != http.StatusPreconditionFailed || !strings.Contains(recorder.Body.String(), `"status":412`) {
		t.Errorf("%s: %s", response.Status, recorder.Body)
	}
	if err := Read("ask", response); parley.KindOf(err) != parley.Conflict || parley.SayOf(err) != "A sentence." {
		t.Errorf("comes back as %v", err)
	}
}

func TestReadWithoutDocument(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]parley.Kind{
		http.StatusBadGateway:      parley.Unavailable,
		http.StatusTooManyRequests: parley.Unavailable,
		http.StatusTeapot:          parley.Invalid,
		http.StatusNotFound:        parley.NotFound,
		http.StatusNotImplemented:  parley.Internal,
	} {
		recorder := httptest.NewRecorder()
		http.Error(recorder, "<html>from a proxy</html>", status)
		response := recorder.Result()
		if got := parley.KindOf(Read("ask", response)); got != kind {
			t.Errorf("status %d is %s, want %s", status, got, kind)
		}
		_ = response.Body.Close()
	}
}

func write(t *testing.T, err error) *http.Response {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	Write(recorder, request, err)
	return recorder.Result()
}
