package objects_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parley/parley"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/recorder/objects/objectstest"
)

// writerVariable makes the test binary the writer that TestKilledWriter kills.
const writerVariable = "PARLEY_TEST_WRITER"

func TestMain(m *testing.M) {
	if directory := os.Getenv(writerVariable); directory != "" {
		writeForEver(directory)
	}
	os.Exit(m.Run())
}

func mustOpen(t *testing.T, directory string) *objects.Dir {
	t.Helper()
	store, err := objects.OpenDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestDir(t *testing.T) {
	t.Parallel()
	objectstest.Run(t, mustOpen(t, filepath.Join(t.TempDir(), "new", "store")))
}

func TestUnusableDirectoryIsNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := objects.OpenDir(filepath.Join(file, "store"))
	if !errors.Is(err, parley.Unavailable) || !strings.Contains(parley.SayOf(err), file) {
		t.Errorf("got %v", err)
	}
}

func TestLeftOversAreSwept(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	left := filepath.Join(directory, ".put-left")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, directory)
	if entries, _ := os.ReadDir(directory); len(entries) != 0 {
		t.Errorf("%d files are left", len(entries))
	}
}

// TestKilledWriter kills a process that writes without pause: what it acknowledged is there, whole.
func TestKilledWriter(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	acknowledged := 0
	for round := range 4 {
		acknowledged += killWriter(t, directory, 20*(round+1))
	}
	store := mustOpen(t, directory)
	whole := 0
	for info, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		stat, err := store.Stat(t.Context(), info.Key)
		if err != nil {
			t.Fatal(err)
		}
		content := strings.Repeat(string(info.Key), 1000)
		if stat.SHA256 != sha256.Sum256([]byte(content)) {
			t.Errorf("%s is torn", info.Key)
		}
		whole++
	}
	if whole < acknowledged || acknowledged == 0 {
		t.Errorf("%d objects acknowledged, %d there", acknowledged, whole)
	}
}

// killWriter kills a writer after it acknowledged n objects, and says how many it did in all.
func killWriter(t *testing.T, directory string, n int) int {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerVariable+"="+directory)
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for lines := bufio.NewScanner(out); lines.Scan(); acknowledged++ {
		if acknowledged == n {
			_ = writer.Process.Kill()
		}
	}
	_ = writer.Wait() // killed
	return acknowledged
}

func writeForEver(directory string) {
	store, err := objects.OpenDir(directory)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		key := parley.Key(fmt.Sprintf("%d/%d/%d", os.Getpid(), i%7, i))
		if err := objectstest.Put(store, key, []byte(strings.Repeat(string(key), 1000))); err != nil {
			os.Exit(1)
		}
		fmt.Println(key)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("needs root to mount a small disk:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(directory, syscall.MNT_DETACH) })
	store, err := objects.OpenDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := objectstest.Put(store, "small", make([]byte, 600<<10)); err != nil {
		t.Fatal(err)
	}
	err = objectstest.Put(store, "large", make([]byte, 600<<10))
	if !errors.Is(err, parley.Full) || parley.SayOf(err) != "The disk of the region is full." {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(directory); len(entries) != 1 {
		t.Errorf("%d entries after a failed put, want the first object alone", len(entries))
	}
	if err := objectstest.Put(store, "fits", make([]byte, 100<<10)); err != nil {
		t.Errorf("after the failure: %v", err)
	}
}

// FuzzKey looks for a key that leaves the store or upsets it.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"a/b", "../a", "a/../b", "/etc/passwd", "a\x00", ".put-x", "..."} {
		f.Add(key)
	}
	parent := f.TempDir()
	store, err := objects.OpenDir(filepath.Join(parent, "store"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string) {
		err := objectstest.Put(store, parley.Key(key), []byte(key))
		if err == nil {
			if info, err := store.Stat(t.Context(), parley.Key(key)); err != nil || info.Bytes != int64(len(key)) {
				t.Errorf("%q was put, and then: %v", key, err)
			}
		}
		if entries, _ := os.ReadDir(parent); len(entries) != 1 {
			t.Fatalf("%q left the store", key)
		}
	})
}

func BenchmarkPut64KiB(b *testing.B) {
	store, err := objects.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	content := make([]byte, 64<<10)
	b.SetBytes(int64(len(content)))
	for i := 0; b.Loop(); i++ {
		if err := objectstest.Put(store, parley.Key(fmt.Sprintf("b/%d", i)), content); err != nil {
			b.Fatal(err)
		}
	}
}
