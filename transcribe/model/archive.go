package model

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/parley/parley"
)

const (
	mostEntries  = 4096
	mostUnpacked = 2 * largest
)

func archiveError(say string, err error) error {
	return &parley.Error{Op: "unpack model", Kind: parley.Invalid, Say: say, Err: err}
}

// unpack writes the files of an archive (tar, plain or packed with gzip or bzip2) below directory,
// which exists and is empty, and lists them. One directory around all files is left out. What is no
// plain file, or would leave the directory, is Invalid.
func unpack(archive io.Reader, directory string) ([]File, error) {
	in, err := unpacked(archive)
	if err != nil {
		return nil, err
	}
	var files []File
	total := int64(0)
	for reader, entries := tar.NewReader(in), 0; ; entries++ {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, archiveError("the archive is damaged", err)
		}
		if entries > mostEntries || total+header.Size > mostUnpacked {
			return nil, archiveError("the archive holds more than any model", nil)
		}
		name, err := entryName(header)
		if err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		file, err := writeEntry(reader, directory, name)
		if err != nil {
			return nil, err
		}
		total += file.Bytes
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, archiveError("the archive is empty", nil)
	}
	return lift(directory, files)
}

// unpacked undoes the packing, which the first bytes tell.
func unpacked(archive io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(archive, 1<<16)
	magic, _ := in.Peek(3)
	switch {
	case bytes.HasPrefix(magic, []byte("BZh")):
		return bzip2.NewReader(in), nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		packed, err := gzip.NewReader(in)
		if err != nil {
			return nil, archiveError("the archive is damaged", err)
		}
		return packed, nil
	default:
		return in, nil
	}
}

// entryName is where an entry goes; "" for one that needs no file.
func entryName(h *tar.Header) (string, error) {
	name := path.Clean(h.Name)
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return "", nil
	case tar.TypeReg:
		if !filepath.IsLocal(name) || strings.Contains(name, "\\") || path.Base(name) == recordName {
			return "", archiveError("the archive has a file that would lie elsewhere", nil)
		}
		return name, nil
	default:
		return "", archiveError("the archive has something else than files", nil)
	}
}

func writeEntry(in io.Reader, directory, name string) (File, error) {
	to := filepath.Join(directory, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // a model is no secret
		return File{}, fmt.Errorf("unpack model: %w", err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // a model is no secret
	if err != nil {
		return File{}, archiveError("the archive has a file twice, or there is no room for it", err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, hash), in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return File{}, archiveError("the archive is damaged, or there is no room for it", err)
	}
	return File{Path: name, Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// lift moves files out of the one directory that holds them all, if there is one.
func lift(directory string, files []File) ([]File, error) {
	top, _, ok := strings.Cut(files[0].Path, "/")
	for _, f := range files {
		ok = ok && strings.HasPrefix(f.Path, top+"/")
	}
	if !ok {
		return files, nil
	}
	aside := directory + ".lift"
	for _, step := range [][2]string{{filepath.Join(directory, top), aside}, {directory, ""}, {aside, directory}} {
		var err error
		if step[1] == "" {
			err = os.RemoveAll(step[0])
		} else {
			err = os.Rename(step[0], step[1])
		}
		if err != nil {
			return nil, fmt.Errorf("unpack model: %w", err)
		}
	}
	for i := range files {
		files[i].Path = strings.TrimPrefix(files[i].Path, top+"/")
	}
	return files, nil
}
