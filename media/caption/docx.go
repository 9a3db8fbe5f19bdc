package caption

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The parts of a text document (ECMA-376 part 1, §11.3.10; part 2) that every reader wants.
const (
	docxTypes = xml.Header + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>` +
		`</Types>`
	docxRelations = xml.Header + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>` +
		`</Relationships>`
	docxBegin = xml.Header + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`
	docxEnd   = `<w:sectPr/></w:body></w:document>`
)

// WriteDOCX writes lines as a text document (Office Open XML) under a title: a paragraph each, with the
// time and the speaker in front. Lines without text are left out.
func WriteDOCX(w io.Writer, title string, lines []Line) error {
	var body strings.Builder
	body.WriteString(docxBegin)
	if title != "" {
		body.WriteString(`<w:p>` + docxRun(title, `<w:b/><w:sz w:val="36"/>`) + `</w:p>`)
	}
	for _, l := range lines {
		text := strings.Join(strings.Fields(l.Text), " ")
		if text == "" {
			continue
		}
		body.WriteString(`<w:p>` + docxRun(stamp(l.Start, ".")[:8]+"  ", `<w:color w:val="808080"/>`))
		if speaker := strings.Join(strings.Fields(l.Speaker), " "); speaker != "" {
			body.WriteString(docxRun(speaker+": ", `<w:b/>`))
		}
		body.WriteString(docxRun(text, "") + `</w:p>`)
	}
	body.WriteString(docxEnd)
	file := zip.NewWriter(w)
	for _, part := range [][2]string{
		{"[Content_Types].xml", docxTypes}, {"_rels/.rels", docxRelations}, {"word/document.xml", body.String()},
	} {
		to, err := file.Create(part[0])
		if err == nil {
			_, err = io.WriteString(to, part[1])
		}
		if err != nil {
			return fmt.Errorf("write document: %w", err)
		}
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}

// docxRun is a stretch of text with its properties. What XML cannot hold is replaced.
func docxRun(text, properties string) string {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(text)) // a buffer takes everything
	if properties != "" {
		properties = `<w:rPr>` + properties + `</w:rPr>`
	}
	return `<w:r>` + properties + `<w:t xml:space="preserve">` + escaped.String() + `</w:t></w:r>`
}
