package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley/parley"
)

// Key signs links, cookies and tokens. It prints as a placeholder, never as itself.
type Key [32]byte

// String implements fmt.Stringer.
func (Key) String() string { return "(key)" }

// GoString implements fmt.GoStringer.
func (Key) GoString() string { return "auth.Key(…)" }

// NewKey makes a key of random bytes.
func NewKey() Key {
	var key Key
	_, _ = rand.Read(key[:]) // never fails since Go 1.24
	return key
}

// OpenKey reads the key in a file of 64 hexadecimal digits, and makes that file, readable by its
// owner alone, when it does not exist. Errors name the file and never show the key.
func OpenKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(path)
	}
	if err != nil {
		return Key{}, keyError(parley.Unavailable, "the key file "+path+" cannot be read", err)
	}
	var key Key
	digits := strings.TrimSpace(string(text))
	if hex.DecodedLen(len(digits)) != len(key) {
		return Key{}, keyError(parley.Invalid, keySay(path), nil)
	}
	if _, err := hex.Decode(key[:], []byte(digits)); err != nil {
		return Key{}, keyError(parley.Invalid, keySay(path), nil)
	}
	return key, nil
}

func keySay(path string) string {
	return fmt.Sprintf("the key file %s does not hold 64 hexadecimal digits; "+
		"remove it to get a new key, which ends all links and cookies", path)
}

// createKey writes beside the place and links into it, so that a crash leaves no half key and two
// processes that start at once agree on one.
func createKey(path string) (Key, error) {
	say := "the key file " + path + " cannot be written"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, keyError(parley.Unavailable, say, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return Key{}, keyError(parley.Unavailable, say, err)
	}
	defer os.Remove(file.Name())
	key := NewKey()
	_, err = file.WriteString(hex.EncodeToString(key[:]) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return Key{}, keyError(parley.Unavailable, say, err)
	}
	switch err := os.Link(file.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return OpenKey(path)
	case err != nil:
		return Key{}, keyError(parley.Unavailable, say, err)
	}
	return key, nil
}

func keyError(kind parley.Kind, say string, err error) error {
	return &parley.Error{Op: "open key", Kind: kind, Say: say, Err: err}
}
