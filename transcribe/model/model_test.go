package model_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
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
	"github.com/parley/parley/transcribe/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// archive packs files, given as name and content in turn.
func archive(t testing.TB, packed bool, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		must(t, w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(files[i+1]))
		must(t, err)
	}
	must(t, w.Close())
	if !packed {
		return out.Bytes()
	}
	var gz bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, err := g.Write(out.Bytes())
	must(t, errors.Join(err, g.Close()))
	return gz.Bytes()
}

// noise is content that is not packed smaller.
func noise(n int) string {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// server serves content; each request, counted from 1, may be treated badly first. bad reports
// whether it has answered.
func server(t *testing.T, content []byte, bad func(n int, w http.ResponseWriter, r *http.Request) bool) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := int(asked.Add(1)); bad != nil && bad(n, w, r) {
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/tiny-model.tar.gz", asked
}

// fetcher is as impatient as a test.
func fetcher(t *testing.T) *model.Fetcher {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &model.Fetcher{Client: &http.Client{Transport: transport}, Stall: 200 * time.Millisecond, Pause: time.Millisecond}
}

func quiet(int64, int64) {}

// cut sends part of what is asked for and breaks the line.
func cut(content []byte, bytesSent int) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if h := r.Header.Get("Range"); h != "" {
			_, _ = fmt.Sscanf(h, "bytes=%d-", &from)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		}
		_, _ = w.Write(content[from:min(len(content), from+bytesSent)])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestAModelIsPulledThroughABadLine(t *testing.T) {
	t.Parallel()
	weights := noise(300_000)
	content := archive(t, true, "tiny-model/model.onnx", weights, "tiny-model/tokens.txt", "a 0\n")
	for name, bad := range map[string]func(n int, w http.ResponseWriter, r *http.Request) bool{
		"a good server": nil,
		"a line that is cut again and again": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n <= 8 { // more often than may fail in a row without progress
				cut(content, 30_000)(w, r)
			}
			return false
		},
		"a server that stalls": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n > 2 {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		},
		"a server that never resumes": func(n int, w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			if n == 1 {
				cut(content, 100_000)(w, r)
			}
			return false
		},
		"a server that is overloaded at first": func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n < 4 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return n < 4
		},
		"a server that resumes at the wrong place once": func(n int, w http.ResponseWriter, r *http.Request) bool {
			switch n {
			case 1:
				cut(content, 100_000)(w, r)
			case 2:
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 200_000, len(content)-1, len(content)))
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(content[200_000:])
				return true
			}
			return false
		},
	} {
		address, _ := server(t, content, bad)
		shelf := model.Shelf{Directory: t.TempDir()}
		if err := shelf.PullAddress(t.Context(), fetcher(t), address, sum(content), "tiny-model", quiet); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(shelf.Directory, "tiny-model", "model.onnx"))
		if err != nil || string(got) != weights {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		must(t, shelf.Verify("tiny-model"))
	}
}

func TestWhatWasFetchedBeforeAKillIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	content := archive(t, true, "model.onnx", noise(300_000))
	var sent atomic.Int64
	address, _ := server(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n <= 5 {
			cut(content, max(0, 200_000*(2-n)))(w, r) // then nothing, until it gives up
		}
		var from int64
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		sent.Store(from)
		return false
	})
	shelf, h := model.Shelf{Directory: t.TempDir()}, fetcher(t)
	err := shelf.PullAddress(t.Context(), h, address, sum(content), "m", quiet)
	if !errors.Is(err, parley.Unavailable) {
		t.Fatalf("a server that is gone: %v", err)
	}
	must(t, shelf.PullAddress(t.Context(), h, address, sum(content), "m", quiet))
	if from := sent.Load(); from != 200_000 {
		t.Errorf("went on from byte %d", from)
	}
}

func TestALieChangesNothing(t *testing.T) {
	t.Parallel()
	content := archive(t, true, "model.onnx", "new")
	old := archive(t, true, "model.onnx", "old")
	answer := func(body []byte) func(int, http.ResponseWriter, *http.Request) bool {
		return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(body)
			return true
		}
	}
	for name, c := range map[string]struct {
		bad  func(int, http.ResponseWriter, *http.Request) bool
		kind parley.Kind
	}{
		"other bytes":      {answer([]byte("<html>Log in to go on</html>")), parley.Invalid},
		"one byte changed": {answer(append(bytes.Clone(content[:len(content)-1]), 0x7f)), parley.Invalid},
		"not there": {func(_ int, w http.ResponseWriter, r *http.Request) bool {
			http.NotFound(w, r)
			return true
		}, parley.Unavailable},
		"a longer file than it says": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)+5))
			_, _ = w.Write(content)
			return true
		}, parley.Unavailable},
	} {
		shelf := model.Shelf{Directory: t.TempDir()}
		good, _ := server(t, old, nil)
		must(t, shelf.PullAddress(t.Context(), fetcher(t), good, sum(old), "m", quiet))
		address, asked := server(t, content, c.bad)
		err := shelf.PullAddress(t.Context(), fetcher(t), address, sum(content), "m", quiet)
		if parley.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
		if c.kind == parley.Invalid && asked.Load() != 1 {
			t.Errorf("%s: asked %d times", name, asked.Load())
		}
		must(t, shelf.Verify("m"))
		if got, _ := os.ReadFile(filepath.Join(shelf.Directory, "m", "model.onnx")); string(got) != "old" {
			t.Errorf("%s: the model is now %q", name, got)
		}
	}
}

func TestArchivesThatAreRefused(t *testing.T) {
	t.Parallel()
	link := func() []byte {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		must(t, w.WriteHeader(&tar.Header{Name: "model.onnx", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}))
		must(t, w.Close())
		return out.Bytes()
	}
	whole := archive(t, true, "model.onnx", noise(10_000))
	for name, content := range map[string][]byte{
		"a way out":         archive(t, false, "../model.onnx", "x"),
		"an absolute path":  archive(t, false, "/tmp/model.onnx", "x"),
		"a link":            link(),
		"a file twice":      archive(t, false, "a", "1", "a", "2"),
		"its own record":    archive(t, false, "model.json", "{}"),
		"nothing":           archive(t, false),
		"no archive":        []byte("just text, and more of it"),
		"half an archive":   whole[:len(whole)/2],
		"no bytes":          {},
		"bzip2 that is not": []byte("BZh9 no"),
	} {
		shelf := model.Shelf{Directory: t.TempDir()}
		file := filepath.Join(t.TempDir(), "m.tar")
		must(t, os.WriteFile(file, content, 0o600))
		if err := shelf.InstallFile(file, sum(content), "m"); !errors.Is(err, parley.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if all, err := shelf.List(); err != nil || len(all) != 0 {
			t.Errorf("%s: %v is installed, %v", name, all, err)
		}
	}
}

func TestAModelCarriedByHand(t *testing.T) {
	t.Parallel()
	shelf := model.Shelf{Directory: t.TempDir()}
	content := archive(t, true, "m/model.onnx", "weights", "m/sub/tokens.txt", "a 0\n")
	file := filepath.Join(t.TempDir(), "carried.tar.gz")
	must(t, os.WriteFile(file, content, 0o600))
	for name, wrong := range map[string]string{"no sum": "", "another sum": sum([]byte("x")), "half a sum": "abcd"} {
		if err := shelf.InstallFile(file, wrong, model.NameOf(file)); !errors.Is(err, parley.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, shelf.InstallFile(file, strings.ToUpper(sum(content)), model.NameOf(file)))
	all, err := shelf.List()
	must(t, err)
	if len(all) != 1 || all[0].Name != "carried" || all[0].Bytes() != 11 {
		t.Fatalf("installed: %+v", all)
	}
	must(t, os.WriteFile(filepath.Join(shelf.Directory, "carried", "sub", "tokens.txt"), []byte("b 0\n"), 0o600))
	if err := shelf.Verify("carried"); !errors.Is(err, parley.Invalid) || !strings.Contains(parley.SayOf(err), "sub/tokens.txt") {
		t.Errorf("a changed file: %v", err)
	}
	must(t, shelf.Remove("carried"))
	if err := shelf.Verify("carried"); !errors.Is(err, parley.NotFound) {
		t.Errorf("a removed model: %v", err)
	}
	for _, name := range []string{"carried", "..", "", "a/b"} {
		if err := shelf.Remove(name); !errors.Is(err, parley.NotFound) {
			t.Errorf("remove %q: %v", name, err)
		}
	}
}

// TestTheTableIsWhatShips holds the table to the files in the repository, and pulls one of them.
func TestTheTableIsWhatShips(t *testing.T) {
	t.Parallel()
	for _, k := range model.Table() {
		if err := model.VerifyFiles(filepath.Join("..", "weights", k.Name), k.Files); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	s := httptest.NewServer(http.FileServer(http.Dir(filepath.Join("..", "weights"))))
	t.Cleanup(s.Close)
	known, ok := model.Find("silero-vad")
	if !ok {
		t.Fatal("silero-vad is not known")
	}
	shelf := model.Shelf{Directory: t.TempDir()}
	last := int64(0)
	must(t, shelf.PullKnown(t.Context(), fetcher(t), known, s.URL, func(done, total int64) {
		if done < last || total != known.Bytes() {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}))
	must(t, shelf.Verify("silero-vad"))
	if last != known.Bytes() {
		t.Errorf("the bar ends at %d of %d", last, known.Bytes())
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, false, "a/b", "c"))
	f.Add(archive(f, true, "a", "b"))
	f.Fuzz(func(t *testing.T, content []byte) {
		directory := t.TempDir()
		file := filepath.Join(directory, "x.tar")
		must(t, os.WriteFile(file, content, 0o600))
		shelf := model.Shelf{Directory: filepath.Join(directory, "models")}
		err := shelf.InstallFile(file, sum(content), "x")
		if err == nil {
			must(t, shelf.Verify("x"))
		}
		if entries, _ := os.ReadDir(directory); len(entries) > 2 {
			t.Errorf("a file outside: %v", entries)
		}
	})
}
