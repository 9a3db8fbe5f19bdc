// Package objectstest is what every parley.Objects has to pass.
package objectstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/parley/parley"
)

// Run tests an empty store.
func Run(t *testing.T, store parley.Objects) {
	t.Helper()
	t.Run("what was put can be read, whole and in part", func(t *testing.T) { readBack(t, store) })
	t.Run("a key is written once", func(t *testing.T) { createOnly(t, store) })
	t.Run("one of many racing writers wins", func(t *testing.T) { race(t, store) })
	t.Run("wrong content leaves nothing", func(t *testing.T) { wrongContent(t, store) })
	t.Run("malformed keys are invalid", func(t *testing.T) { malformedKeys(t, store) })
	t.Run("missing keys are not found", func(t *testing.T) { missing(t, store) })
	t.Run("keys are listed in order", func(t *testing.T) { list(t, store) })
	t.Run("a cancelled put leaves nothing", func(t *testing.T) { cancelled(t, store) })
}

// Put puts content under key, with its true size and hash.
func Put(store parley.Objects, key parley.Key, content []byte) error {
	info := parley.ObjectInfo{Key: key, Bytes: int64(len(content)), SHA256: sha256.Sum256(content)}
	return store.Put(context.Background(), info, bytes.NewReader(content))
}

func mustPut(t *testing.T, store parley.Objects, key parley.Key, content string) {
	t.Helper()
	if err := Put(store, key, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind parley.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want kind %s", err, kind)
	}
}

func readBack(t *testing.T, store parley.Objects) {
	mustPut(t, store, "read/a.webm", "hello, world")
	for _, c := range []struct {
		off, n int64
		want   string
	}{{0, -1, "hello, world"}, {7, -1, "world"}, {0, 5, "hello"}, {7, 3, "wor"}, {7, 99, "world"}, {12, -1, ""}} {
		r, err := store.Open(t.Context(), "read/a.webm", c.off, c.n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != c.want {
			t.Errorf("%d bytes from %d are %q (%v), want %q", c.n, c.off, got, err, c.want)
		}
	}
	info, err := store.Stat(t.Context(), "read/a.webm")
	if err != nil || info.Bytes != 12 || info.SHA256 != sha256.Sum256([]byte("hello, world")) || info.Modified.IsZero() {
		t.Errorf("stat gives %+v, %v", info, err)
	}
}

func createOnly(t *testing.T, store parley.Objects) {
	mustPut(t, store, "once/a", "first")
	mustPut(t, store, "once/a", "first")
	wantKind(t, Put(store, "once/a", []byte("second")), parley.Conflict)
	if info, err := store.Stat(t.Context(), "once/a"); err != nil || info.SHA256 != sha256.Sum256([]byte("first")) {
		t.Errorf("the first content did not stay: %v", err)
	}
}

func race(t *testing.T, store parley.Objects) {
	const writers = 16
	errs := make([]error, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { errs[i] = Put(store, "race/a", fmt.Append(nil, "content of writer ", i)) })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantKind(t, err, parley.Conflict)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d writers won", won, writers)
	}
}

func wrongContent(t *testing.T, store parley.Objects) {
	info := parley.ObjectInfo{Key: "wrong/a", Bytes: -1, SHA256: sha256.Sum256([]byte("announced"))}
	wantKind(t, store.Put(t.Context(), info, strings.NewReader("sent")), parley.Invalid)
	info = parley.ObjectInfo{Key: "wrong/a", Bytes: 3, SHA256: sha256.Sum256([]byte("sent"))}
	wantKind(t, store.Put(t.Context(), info, strings.NewReader("sent")), parley.Invalid)
	_, err := store.Stat(t.Context(), "wrong/a")
	wantKind(t, err, parley.NotFound)
}

func malformedKeys(t *testing.T, store parley.Objects) {
	for _, key := range []parley.Key{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../../b", "a b", "a\x00b", "ä", "a\\b",
		parley.Key(strings.Repeat("x", 513)), ".put-a",
	} {
		wantKind(t, Put(store, key, []byte("x")), parley.Invalid)
		_, err := store.Open(t.Context(), key, 0, -1)
		wantKind(t, err, parley.Invalid)
		_, err = store.Stat(t.Context(), key)
		wantKind(t, err, parley.Invalid)
	}
}

func missing(t *testing.T, store parley.Objects) {
	mustPut(t, store, "missing/folder/a", "x")
	for _, key := range []parley.Key{"missing/b", "missing/folder", "missing/folder/a/b", "other"} {
		_, err := store.Open(t.Context(), key, 0, -1)
		wantKind(t, err, parley.NotFound)
		_, err = store.Stat(t.Context(), key)
		wantKind(t, err, parley.NotFound)
	}
}

func list(t *testing.T, store parley.Objects) {
	for _, key := range []parley.Key{"list/b/2", "list/a/1", "list/b/1", "list/bb", "listed"} {
		mustPut(t, store, key, string(key))
	}
	for prefix, want := range map[parley.Key]string{
		"list/":  "list/a/1 list/b/1 list/b/2 list/bb",
		"list/b": "list/b/1 list/b/2 list/bb",
		"list/c": "",
	} {
		var got []string
		for info, err := range store.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(info.Key))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("under %q are %q, want %q", prefix, got, want)
		}
	}
}

// endless gives zeros until it is cancelled.
type endless struct {
	cancel context.CancelFunc
	reads  int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.reads++; e.reads == 3 {
		e.cancel()
	}
	return len(p), nil
}

func cancelled(t *testing.T, store parley.Objects) {
	ctx, cancel := context.WithCancel(t.Context())
	err := store.Put(ctx, parley.ObjectInfo{Key: "cancelled/a", Bytes: -1}, &endless{cancel: cancel})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	_, err = store.Stat(t.Context(), "cancelled/a")
	wantKind(t, err, parley.NotFound)
}
