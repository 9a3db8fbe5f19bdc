package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parley/parley"
)

const (
	recordName  = "model.json"
	partialName = ".partial"
)

// Installed is what model.json says of an installed model.
type Installed struct {
	Name      string    `json:"name"`
	Source    string    `json:"source"`           // address or file it came from
	SHA256    string    `json:"sha256,omitempty"` // of the archive it came in
	Installed time.Time `json:"installed"`
	Files     []File    `json:"files"`
}

// Bytes is the size of all files.
func (m Installed) Bytes() int64 { return Known{Files: m.Files}.Bytes() }

// Shelf is a directory of models, one directory each. Calls that install the same model at the same
// time get in each other's way, and then fail by checksum.
type Shelf struct{ Directory string }

// modelName is what a model may be called: it becomes a directory.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// sumFormat is a SHA-256 as people write it.
var sumFormat = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

func invalid(format string, args ...any) error {
	return &parley.Error{Op: "install model", Kind: parley.Invalid, Say: fmt.Sprintf(format, args...)}
}

// NameOf is what a model from an address or a file is called: the file's name without its ending.
func NameOf(source string) string {
	name := path.Base(filepath.ToSlash(strings.SplitN(source, "?", 2)[0]))
	for _, ending := range []string{".tar.bz2", ".tar.gz", ".tgz", ".tar", ".onnx"} {
		if short, ok := strings.CutSuffix(name, ending); ok {
			return short
		}
	}
	return name
}

// workplace makes an empty directory for what is to become a model.
func (s Shelf) workplace() (directory string, tidy func(), err error) {
	partial := filepath.Join(s.Directory, partialName)
	if err := os.MkdirAll(partial, 0o755); err != nil { //nolint:gosec // a model is no secret
		return "", nil, &parley.Error{
			Op: "install model", Kind: parley.Unavailable, Err: err,
			Say: "cannot write to " + s.Directory + "; set data to a directory that this user may write",
		}
	}
	directory, err = os.MkdirTemp(partial, "unpack-")
	if err != nil {
		return "", nil, fmt.Errorf("install model: %w", err)
	}
	return directory, func() { _ = os.RemoveAll(directory) }, nil
}

// PullKnown fetches the files of a known model; mirror, or "", is an address that has them instead,
// each under NAME/PATH.
func (s Shelf) PullKnown(ctx context.Context, h *Fetcher, k Known, mirror string, progress func(done, total int64)) error {
	directory, tidy, err := s.workplace()
	if err != nil {
		return err
	}
	defer tidy()
	before := int64(0)
	part := func(f File) string { return filepath.Join(s.Directory, partialName, f.SHA256) }
	for _, f := range k.Files {
		if mirror != "" {
			f.URL = strings.TrimSuffix(mirror, "/") + "/" + k.Name + "/" + f.Path
		}
		err := h.Fetch(ctx, f, part(f), func(done, _ int64) { progress(before+done, k.Bytes()) })
		if err != nil {
			return err
		}
		before += f.Bytes
	}
	for _, f := range k.Files { // only now: what was fetched before a failure is kept
		to := filepath.Join(directory, filepath.FromSlash(f.Path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(part(f), to)); err != nil { //nolint:gosec // as above
			return fmt.Errorf("install model: %w", err)
		}
	}
	return s.put(directory, Installed{Name: k.Name, Source: k.Files[0].URL, Files: k.Files})
}

// PullAddress fetches an archive, or one .onnx file, whose sum the caller knows.
func (s Shelf) PullAddress(ctx context.Context, h *Fetcher, address, sum, name string, progress func(done, total int64)) error {
	if !sumFormat.MatchString(sum) {
		return invalid("a model from an address needs its --sha256, 64 hexadecimal digits")
	}
	sum = strings.ToLower(sum)
	if err := os.MkdirAll(filepath.Join(s.Directory, partialName), 0o755); err != nil { //nolint:gosec // a model is no secret
		return fmt.Errorf("install model: %w", err)
	}
	part := filepath.Join(s.Directory, partialName, sum)
	if err := h.Fetch(ctx, File{URL: address, SHA256: sum}, part, progress); err != nil {
		return err
	}
	if err := s.install(part, address, sum, name); err != nil {
		return err
	}
	return removeFile(part)
}

// InstallFile installs a file that was carried here. A known model is told by the sums of its files;
// of any other sum is that of the file itself.
func (s Shelf) InstallFile(file, sum, name string) error {
	if _, known := Find(name); known && sum == "" {
		return s.install(file, file, "", name)
	}
	if !sumFormat.MatchString(sum) {
		return invalid("%s is no model that parley knows; it needs its --sha256, 64 hexadecimal digits", name)
	}
	got, err := SumOf(file)
	if err != nil {
		return &parley.Error{Op: "install model", Kind: parley.Invalid, Say: file + " cannot be read", Err: err}
	}
	if got != strings.ToLower(sum) {
		return invalid("the checksum of %s is wrong; nothing was installed", file)
	}
	return s.install(file, file, got, name)
}

// install makes a model of a file that is here.
func (s Shelf) install(file, source, sum, name string) error {
	if !modelName.MatchString(name) {
		return invalid("%q cannot be the name of a model", name)
	}
	directory, tidy, err := s.workplace()
	if err != nil {
		return err
	}
	defer tidy()
	in, err := os.Open(file)
	if err != nil {
		return &parley.Error{Op: "install model", Kind: parley.Invalid, Say: file + " cannot be read", Err: err}
	}
	defer func() { _ = in.Close() }()
	var files []File
	if bare := strings.SplitN(filepath.ToSlash(source), "?", 2)[0]; strings.HasSuffix(bare, ".onnx") {
		var f File
		f, err = writeEntry(in, directory, path.Base(bare))
		files = []File{f}
	} else {
		files, err = unpack(in, directory)
	}
	if err != nil {
		return err
	}
	if known, ok := Find(name); ok {
		if err := sameFiles(known.Files, files); err != nil {
			return err
		}
	}
	return s.put(directory, Installed{Name: name, Source: source, SHA256: sum, Files: files})
}

// sameFiles holds the files of an archive to those of a known model; more of them do no harm.
func sameFiles(want, have []File) error {
	for _, w := range want {
		ok := slices.ContainsFunc(have, func(h File) bool { return h.Path == w.Path && h.SHA256 == w.SHA256 })
		if !ok {
			return invalid("%s is missing or has another checksum; nothing was installed", w.Path)
		}
	}
	return nil
}

// put gives a finished directory its record and its name, in place of what was there.
func (s Shelf) put(directory string, m Installed) error {
	m.Installed = time.Now().UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("install model: %w", err)
	}
	if err := os.WriteFile(filepath.Join(directory, recordName), append(text, '\n'), 0o644); err != nil { //nolint:gosec // no secret
		return fmt.Errorf("install model: %w", err)
	}
	if err := os.Chmod(directory, 0o755); err != nil { //nolint:gosec // made by MkdirTemp for its user alone
		return fmt.Errorf("install model: %w", err)
	}
	home, old := filepath.Join(s.Directory, m.Name), directory+".old"
	if err := os.Rename(home, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("install model: %w", err)
	}
	if err := os.Rename(directory, home); err != nil {
		return errors.Join(fmt.Errorf("install model: %w", err), os.Rename(old, home))
	}
	return os.RemoveAll(old)
}

// List lists what is installed, by name. A directory without a record is passed over.
func (s Shelf) List() ([]Installed, error) {
	entries, err := os.ReadDir(s.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var all []Installed
	for _, e := range entries {
		if m, err := s.read(e.Name()); err == nil {
			all = append(all, m)
		}
	}
	return all, nil
}

// read reads the record of a model; NotFound when there is none.
func (s Shelf) read(name string) (Installed, error) {
	missing := &parley.Error{Op: "find model", Kind: parley.NotFound, Say: "no model " + name + " is installed in " + s.Directory}
	if !modelName.MatchString(name) {
		return Installed{}, missing
	}
	file, err := os.Open(filepath.Join(s.Directory, name, recordName))
	if err != nil {
		return Installed{}, missing
	}
	defer func() { _ = file.Close() }()
	m, err := readRecord(file)
	if err != nil || m.Name != name {
		return Installed{}, &parley.Error{
			Op: "find model", Kind: parley.Invalid, Err: err,
			Say: "the record of model " + name + " is damaged; remove the model and pull it again",
		}
	}
	return m, nil
}

// readRecord reads a model.json.
func readRecord(r io.Reader) (Installed, error) {
	var m Installed
	decoder := json.NewDecoder(io.LimitReader(r, 4<<20))
	if err := decoder.Decode(&m); err != nil {
		return m, err
	}
	if !modelName.MatchString(m.Name) || len(m.Files) == 0 {
		return m, errors.New("no name or no files")
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || !sumFormat.MatchString(f.SHA256) {
			return m, errors.New("a file elsewhere, or without a sum")
		}
	}
	return m, nil
}

// Verify reads every file of an installed model. A damaged or missing one is Invalid, and named.
func (s Shelf) Verify(name string) error {
	m, err := s.read(name)
	if err != nil {
		return err
	}
	return VerifyFiles(filepath.Join(s.Directory, name), m.Files)
}

// VerifyFiles compares files below a directory with their sums.
func VerifyFiles(directory string, files []File) error {
	for _, f := range files {
		sum, err := SumOf(filepath.Join(directory, filepath.FromSlash(f.Path)))
		if err != nil || sum != strings.ToLower(f.SHA256) {
			return &parley.Error{
				Op: "verify model", Kind: parley.Invalid, Err: err,
				Say: fmt.Sprintf("%s is damaged or missing; pull the model again", f.Path),
			}
		}
	}
	return nil
}

// Remove deletes an installed model, record first, so that half of one is none.
func (s Shelf) Remove(name string) error {
	if _, err := s.read(name); err != nil && parley.KindOf(err) == parley.NotFound {
		return err
	}
	home := filepath.Join(s.Directory, name)
	return errors.Join(removeFile(filepath.Join(home, recordName)), os.RemoveAll(home))
}
