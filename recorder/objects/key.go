package objects

import (
	"fmt"
	"strings"

	"github.com/parley/parley"
)

// maxKey is the longest key in bytes: well under a file system's limit for a path.
const maxKey = 512

// checkKey is Invalid for anything that is not a parley.Key. Keys become paths: this is what keeps
// them inside the store, before the operating system does (os.Root).
func checkKey(key parley.Key) error {
	if len(key) == 0 || len(key) > maxKey {
		return fmt.Errorf("key of %d bytes: %w", len(key), parley.Invalid)
	}
	for part := range strings.SplitSeq(string(key), "/") {
		if part == "" || part == "." || part == ".." || strings.HasPrefix(part, tempPrefix) {
			return fmt.Errorf("key has a part %q: %w", part, parley.Invalid)
		}
		for _, r := range part {
			if !isKeyRune(r) {
				return fmt.Errorf("key has the character %q: %w", r, parley.Invalid)
			}
		}
	}
	return nil
}

func isKeyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		r == '.' || r == '_' || r == '-'
}
