package main

import (
	"os"
	"path/filepath"

	"github.com/parley/parley/transcribe/sherpa"
)

// engineCmd is the child that hears: the server starts it, and it ends with the server.
type engineCmd struct {
	Library string `required:"" placeholder:"FILE" help:"The speech library."`
	Models  string `required:"" placeholder:"DIR" help:"The directory of models."`
	Model   string `required:"" placeholder:"NAME" help:"The recognizer's directory in it."`
	Voices  string `required:"" placeholder:"DIR" help:"The directory of the voice detector's model."`

	Streaming string `placeholder:"DIR" help:"The directory of the model for words while somebody speaks."`
}

// Help implements kong's HelpProvider.
func (*engineCmd) Help() string {
	return `The server runs this by itself. It answers framed requests on standard input until that
ends; a damaged model ends this process and not the server.`
}

// Run implements the command.
func (c *engineCmd) Run(a *app) error {
	return sherpa.Serve(os.Stdin, a.stdout, sherpa.Files{
		Library: c.Library, Models: c.Models, Voices: c.Voices, Model: c.Model, Streaming: c.Streaming,
	})
}

// findSpeech looks for the speech library and its models; data is the data directory, or "", and model the
// recognizer wanted, or "".
func findSpeech(data, model string) (sherpa.Files, error) {
	places := sherpa.Places{
		Library: os.Getenv("PARLEY_SHERPA_LIB"), Models: os.Getenv("PARLEY_MODELS"), Data: data, Model: model,
	}
	if binary, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(binary); err == nil {
			binary = real
		}
		places.Binary = filepath.Dir(binary)
		places.Module = sherpa.ModuleRoot(places.Binary)
	}
	if places.Module == "" {
		if here, err := os.Getwd(); err == nil {
			places.Module = sherpa.ModuleRoot(here)
		}
	}
	return sherpa.Find(places)
}
