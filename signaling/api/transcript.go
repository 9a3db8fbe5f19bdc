package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/parley/parley"
	"github.com/parley/parley/media/caption"
)

// speakerName is who spoke, as far as that is known.
func speakerName(p parley.Participant) string {
	if p.Several {
		return "Someone in " + p.Name
	}
	return p.Name
}

// The formats besides timed text.
const (
	formatDOCX = "docx"
	formatJSON = "json"
)

// transcriptView is a transcript as JSON: every word with its times, and how sure the engine was.
type transcriptView struct {
	Meeting      meetingView     `json:"meeting"`
	Participants []personView    `json:"participants"`
	Utterances   []utteranceView `json:"utterances"`
}

// transcript gives what was said as a file.
func (s *server) transcript(w http.ResponseWriter, r *http.Request) error {
	format := r.URL.Query().Get("format")
	if format != formatDOCX && format != formatJSON && !slices.Contains(caption.Formats(), caption.Format(format)) {
		return invalid("The format is vtt, srt, txt, docx or json.")
	}
	m, keep, people, err := s.readable(r)
	if err != nil {
		return err
	}
	transcript, err := keep.Transcripts.Transcript(r.Context(), m.ID)
	if err != nil {
		return fmt.Errorf("read transcript: %w", err)
	}
	var file bytes.Buffer
	mediaType, err := writeTranscript(&file, format, m, people, transcript.Utterances)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s.%s", m.ID, format)))
	header.Set("Cache-Control", "private, no-store")
	_, _ = file.WriteTo(w) // the reader is gone when this fails
	return nil
}

// writeTranscript writes utterances in a format, and returns its media type.
func writeTranscript(
	w io.Writer, format string, m parley.Meeting, people []parley.Participant, utterances []parley.Utterance,
) (mediaType string, err error) {
	if format == formatJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		view := transcriptView{viewMeeting(m), viewPeople(m, people), viewUtterances(utterances)}
		return "application/json", encoder.Encode(view)
	}
	names := map[parley.ParticipantID]string{}
	for _, p := range people {
		names[p.ID] = speakerName(p)
	}
	lines := make([]caption.Line, 0, len(utterances))
	for _, u := range utterances {
		lines = append(lines, caption.Line{Start: u.Start, End: u.End, Speaker: names[u.Participant], Text: u.Text})
	}
	if format == formatDOCX {
		const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
		return docx, caption.WriteDOCX(w, m.Title, lines)
	}
	return caption.Format(format).MediaType(), caption.Write(w, caption.Format(format), lines)
}
