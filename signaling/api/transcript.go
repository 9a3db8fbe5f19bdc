package api

import (
	"bytes"
	"fmt"
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

// transcript gives what was said as a file of timed text.
func (s *server) transcript(w http.ResponseWriter, r *http.Request) error {
	format := caption.Format(r.URL.Query().Get("format"))
	if !slices.Contains(caption.Formats(), format) {
		return invalid("The format is vtt, srt or txt.")
	}
	m, keep, people, err := s.readable(r)
	if err != nil {
		return err
	}
	transcript, err := keep.Transcripts.Transcript(r.Context(), m.ID)
	if err != nil {
		return fmt.Errorf("read transcript: %w", err)
	}
	names := map[parley.ParticipantID]string{}
	for _, p := range people {
		names[p.ID] = speakerName(p)
	}
	lines := make([]caption.Line, 0, len(transcript.Utterances))
	for _, u := range transcript.Utterances {
		lines = append(lines, caption.Line{Start: u.Start, End: u.End, Speaker: names[u.Participant], Text: u.Text})
	}
	var file bytes.Buffer
	if err := caption.Write(&file, format, lines); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", format.MediaType())
	header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s.%s", m.ID, format)))
	header.Set("Cache-Control", "private, no-store")
	_, _ = file.WriteTo(w) // the reader is gone when this fails
	return nil
}
