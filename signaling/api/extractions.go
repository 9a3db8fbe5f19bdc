package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// The limits of an extraction: some 20 hours of talk. More than a few at a time would take the
// processor from meetings that run.
const (
	maxTranscript   = 8 << 20 // bytes
	mostUtterances  = 20_000
	mostPeople      = 1_000
	extractsAtOnce  = 2
	sayTooManyWords = "A transcript has at most 20,000 utterances and 1,000 participants."
)

// extract finds what was agreed in a transcript that the caller sends. Nothing is kept.
func (s *server) extract(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	if caller.Identity == "" {
		return &parley.Error{
			Op: "extract", Kind: parley.Unauthorized, Say: "Say who you are first: by a meeting's link, or with a token.",
		}
	}
	select {
	case s.extracts <- struct{}{}:
		defer func() { <-s.extracts }()
	default:
		return &parley.Error{Op: "extract", Kind: parley.Unavailable, Say: "Others are being served. Try again in a second."}
	}
	record, err := readRecord(w, r)
	if err != nil {
		return err
	}
	if len(record.Utterances) > mostUtterances || len(record.Participants) > mostPeople {
		return &parley.Error{Op: "extract", Kind: parley.TooLarge, Say: sayTooManyWords}
	}
	if record.Meeting == "" {
		record.Meeting = "extraction"
	}
	transcript, err := record.Transcript()
	if err != nil {
		return invalid("The transcript cannot be used: " + err.Error() + ".")
	}
	made, err := s.Extractor.Extract(r.Context(), transcript)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, viewMinutes(true, parley.Agreements(made, nil)))
}

// readRecord reads a transcript. Unlike other bodies it may have fields that are not known here: such
// files are exchanged by programs.
func readRecord(w http.ResponseWriter, r *http.Request) (minutes.Record, error) {
	var record minutes.Record
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTranscript))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return record, &parley.Error{
			Op: "extract", Kind: parley.TooLarge, Say: fmt.Sprintf("A transcript has at most %d MB.", maxTranscript>>20),
		}
	}
	if err != nil {
		return record, invalid("The transcript did not arrive whole.")
	}
	if err := json.Unmarshal(body, &record); err != nil {
		return record, invalid("The body is not a transcript: " + err.Error() + ".")
	}
	return record, nil
}
