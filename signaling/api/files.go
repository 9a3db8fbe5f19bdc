package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/parley/parley"
)

// maxFile is what a sound file may weigh, in bytes: an hour of 16-bit sound at 16 kHz.
const maxFile = 120 << 20

// Files puts sound files into words.
type Files interface {
	// Transcribe hears a whole file, and gives what is written as JSON. Invalid for what is no sound,
	// Unavailable where nothing makes words, or something else is being heard.
	Transcribe(ctx context.Context, content []byte, o FileOptions) (any, error)
}

// FileOptions say what is known of a sound file.
type FileOptions struct {
	Language          string // "" leaves it open
	SpeakerPerChannel bool
}

// transcribeFile puts the sound in a body into words.
func (s *server) transcribeFile(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	if !s.Auth.MayCreate(r, caller) {
		return &parley.Error{
			Op: "transcribe file", Kind: parley.Forbidden,
			Say: "Only people of this server have files put into words. Open the host link it printed when it started.",
		}
	}
	query := r.URL.Query()
	o := FileOptions{Language: query.Get("language"), SpeakerPerChannel: query.Get("speaker_per_channel") == "true"}
	if !slices.Contains([]string{"", "en", "zh", "yue"}, o.Language) {
		return invalid("The language is en, zh or yue, or is left out.")
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFile))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &parley.Error{
			Op: "read body", Kind: parley.TooLarge, Say: fmt.Sprintf("A file has at most %d MB.", maxFile>>20),
		}
	}
	if err != nil {
		return invalid("The file did not arrive whole.")
	}
	if len(content) == 0 {
		return invalid("Send the sound file as the body of the request.")
	}
	words, err := s.Files.Transcribe(r.Context(), content, o)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, words)
}
