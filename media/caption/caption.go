// Package caption writes timed text: WebVTT, SubRip and plain text. It is pure.
//
// Sources: W3C WebVTT §4 and §6; SubRip has no specification, only players.
package caption

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Line is what one person said.
type Line struct {
	Start, End time.Duration
	Speaker    string
	Text       string // one paragraph; line breaks become spaces
}

// Format names a kind of timed text.
type Format string

// The formats, as the ends of file names.
const (
	VTT  Format = "vtt"
	SRT  Format = "srt"
	Text Format = "txt"
)

// Formats lists them.
func Formats() []Format { return []Format{VTT, SRT, Text} }

// MediaType is how HTTP calls a format, with its charset.
func (f Format) MediaType() string {
	switch f {
	case VTT:
		return "text/vtt; charset=utf-8"
	case SRT:
		return "application/x-subrip; charset=utf-8"
	default:
		return "text/plain; charset=utf-8"
	}
}

// Write writes lines in a format. Lines without text are left out; a line that ends before it starts
// ends where it starts.
func Write(w io.Writer, f Format, lines []Line) error {
	var out strings.Builder
	if f == VTT {
		out.WriteString("WEBVTT\n\n")
	}
	number := 0
	for _, l := range lines {
		text := strings.Join(strings.Fields(l.Text), " ")
		if text == "" {
			continue
		}
		number++
		speaker := strings.Join(strings.Fields(l.Speaker), " ")
		end := max(l.End, l.Start)
		switch f {
		case VTT:
			if speaker != "" {
				text = "<v " + escape(speaker) + ">" + escape(text)
			} else {
				text = escape(text)
			}
			fmt.Fprintf(&out, "%s --> %s\n%s\n\n", stamp(l.Start, "."), stamp(end, "."), text)
		case SRT:
			if speaker != "" {
				text = speaker + ": " + text
			}
			fmt.Fprintf(&out, "%d\n%s --> %s\n%s\n\n", number, stamp(l.Start, ","), stamp(end, ","), text)
		default:
			if speaker != "" {
				text = speaker + ": " + text
			}
			fmt.Fprintf(&out, "[%s] %s\n", stamp(l.Start, ".")[:8], text)
		}
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write captions: %w", err)
	}
	return nil
}

// escape keeps text from being read as markup (WebVTT §4.2.2).
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// stamp writes a time as 00:01:05.200.
func stamp(at time.Duration, point string) string {
	ms := max(0, at).Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d%s%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, point, ms%1000)
}
