package model

import (
	"path/filepath"
	"strings"
	"testing"
)

func FuzzParseRange(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Add("bytes */10")
	f.Fuzz(func(t *testing.T, header string) {
		start, total, ok := parseRange(header)
		if ok && (start < 0 || total < 0) {
			t.Errorf("%q begins at %d of %d", header, start, total)
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add(`{"name":"m","files":[{"path":"a/b","sha256":"` + strings.Repeat("a", 64) + `"}]}`)
	f.Add(`{"name":"m","files":[{"path":"../b","sha256":"` + strings.Repeat("a", 64) + `"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := readRecord(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(file.Path) || len(file.SHA256) != 64 {
				t.Errorf("a file at %q", file.Path)
			}
		}
	})
}
