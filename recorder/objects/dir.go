package objects

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/parley/parley"
)

var _ parley.Objects = (*Dir)(nil)

// tempPrefix begins the name of a file that is being written. No key has such a part.
const tempPrefix = ".put-"

// Dir keeps each object as a file under one directory, named by its key. It is safe for concurrent
// use, by several processes too: a key is taken by link(2), which is atomic in the kernel.
//
// The bytes are the only truth: a hash is computed from them whenever it is asked for, never stored
// beside them where the two could disagree.
type Dir struct {
	root *os.Root
}

// OpenDir opens the store in a directory, which it makes if need be, and removes what interrupted
// writes left there. An error says which directory cannot be used and why.
func OpenDir(directory string) (*Dir, error) {
	fail := func(err error) (*Dir, error) {
		return nil, &parley.Error{
			Op: "open object store", Kind: parley.Unavailable, Err: err,
			Say: "cannot write to the directory " + directory + "; let this user write to it or name another one",
		}
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fail(err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fail(err)
	}
	d := &Dir{root: root}
	if err := d.sweep(); err != nil {
		return fail(errors.Join(err, root.Close()))
	}
	return d, nil
}

// Close lets go of the directory.
func (d *Dir) Close() error { return d.root.Close() }

// sweep removes what interrupted writes left, and proves on the way that the directory can be
// written to.
func (d *Dir) sweep() error {
	probe := tempName()
	file, err := d.root.OpenFile(probe, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempPrefix) {
			if err := d.root.Remove(entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func tempName() string { return tempPrefix + rand.Text() }

// Put implements parley.Objects: into a temporary file, synced, then linked under its key, and the
// directories synced that name it.
func (d *Dir) Put(ctx context.Context, info parley.ObjectInfo, content io.Reader) error {
	if err := checkKey(info.Key); err != nil {
		return err
	}
	temp := tempName()
	defer func() { _ = d.root.Remove(temp) }() // also after the link: the object keeps its own name
	if err := d.write(ctx, temp, info, content); err != nil {
		return fmt.Errorf("put %s: %w", info.Key, kinded(err))
	}
	if err := d.link(ctx, temp, info); err != nil {
		return fmt.Errorf("put %s: %w", info.Key, kinded(err))
	}
	return nil
}

// write fills the temporary file and checks what it holds.
func (d *Dir) write(ctx context.Context, temp string, info parley.ObjectInfo, content io.Reader) (err error) {
	file, err := d.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), &cancelReader{ctx, content})
	if err != nil {
		return err
	}
	if info.Bytes >= 0 && n != info.Bytes {
		return fmt.Errorf("%d bytes where %d were announced: %w", n, info.Bytes, parley.Invalid)
	}
	if parley.Hash(sum.Sum(nil)) != info.SHA256 {
		return fmt.Errorf("content does not match its hash: %w", parley.Invalid)
	}
	return file.Sync()
}

// link gives the temporary file its key. A key that is taken by the same bytes is a retry.
func (d *Dir) link(ctx context.Context, temp string, info parley.ObjectInfo) error {
	parent := path.Dir(string(info.Key))
	if err := d.root.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	err := d.root.Link(temp, string(info.Key))
	if errors.Is(err, fs.ErrExist) {
		there, err := d.Stat(ctx, info.Key)
		if err != nil {
			return err
		}
		if there.SHA256 != info.SHA256 {
			return fmt.Errorf("key is taken by other bytes: %w", parley.Conflict)
		}
	} else if err != nil {
		return err
	}
	// A retry syncs as well: the process that linked may have died before it did.
	for folder := parent; ; folder = path.Dir(folder) {
		if err := d.syncFolder(folder); err != nil {
			return err
		}
		if folder == "." {
			return nil
		}
	}
}

// syncFolder makes the names in a folder durable.
func (d *Dir) syncFolder(folder string) (err error) {
	file, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return file.Sync()
}

// Open implements parley.Objects.
func (d *Dir) Open(_ context.Context, key parley.Key, off, n int64) (io.ReadCloser, error) {
	file, err := d.open(key)
	if err != nil {
		return nil, err
	}
	if off > 0 {
		if _, err := file.Seek(off, io.SeekStart); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s at %d: %w", key, off, err), file.Close())
		}
	}
	if n < 0 {
		return file, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, n), file}, nil
}

// open opens an object's file; a folder is no object.
func (d *Dir) open(key parley.Key) (*os.File, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	file, err := d.root.Open(string(key))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, kinded(err))
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = parley.NotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", key, err), file.Close())
	}
	return file, nil
}

// Stat implements parley.Objects. It reads the object to compute its hash.
func (d *Dir) Stat(ctx context.Context, key parley.Key) (info parley.ObjectInfo, err error) {
	file, err := d.open(key)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, &cancelReader{ctx, file})
	if err != nil {
		return info, fmt.Errorf("stat %s: %w", key, err)
	}
	stat, err := file.Stat()
	if err != nil {
		return info, fmt.Errorf("stat %s: %w", key, err)
	}
	return parley.ObjectInfo{Key: key, Bytes: n, SHA256: parley.Hash(sum.Sum(nil)), Modified: stat.ModTime()}, nil
}

// List implements parley.Objects, without the hashes: Stat computes one. A prefix ends anywhere,
// also within a part.
func (d *Dir) List(ctx context.Context, prefix parley.Key) iter.Seq2[parley.ObjectInfo, error] {
	return func(yield func(parley.ObjectInfo, error) bool) {
		err := fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if entry.IsDir() {
				if name != "." && !strings.HasPrefix(name+"/", string(prefix)) && !strings.HasPrefix(string(prefix), name+"/") {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasPrefix(name, string(prefix)) || strings.HasPrefix(name, tempPrefix) {
				return nil
			}
			stat, err := entry.Info()
			if err != nil {
				return err
			}
			if !yield(parley.ObjectInfo{Key: parley.Key(name), Bytes: stat.Size(), Modified: stat.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(parley.ObjectInfo{}, fmt.Errorf("list %q: %w", prefix, kinded(err)))
		}
	}
}

// kinded gives an operating system's error the kind a caller can act on.
func kinded(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &parley.Error{Op: "write", Kind: parley.Full, Say: "The disk of the region is full.", Err: err}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: %w", parley.NotFound, err)
	}
	return err
}

// cancelReader ends a copy when its context does.
type cancelReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one copy
	r   io.Reader
}

// Read implements io.Reader.
func (c *cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
