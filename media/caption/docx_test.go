package caption_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley/media/caption"
)

// textOf reads every part of a document as XML, and gives the text of its paragraphs.
func textOf(t *testing.T, file []byte) string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, part := range archive.File {
		content, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(content); ; {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", part.Name, err)
			}
			switch token := token.(type) {
			case xml.CharData:
				text.Write(token)
			case xml.EndElement:
				if token.Name.Local == "p" {
					text.WriteByte('\n')
				}
			}
		}
	}
	return strings.TrimSpace(text.String())
}

func TestADocument(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	err := caption.WriteDOCX(&file, "Q&A <1>", []caption.Line{
		{Start: 65 * time.Second, Speaker: "Nora\nLind", Text: "Costs < 5 %, \"fine\" & done."},
		{Start: 70 * time.Second, Speaker: "陳大文", Text: ""},
		{Start: 2 * time.Hour, Text: "下週\x00提交"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "Q&A <1>\n00:01:05  Nora Lind: Costs < 5 %, \"fine\" & done.\n02:00:00  下週\uFFFD提交"
	if got := textOf(t, file.Bytes()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
