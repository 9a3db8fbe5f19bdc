//go:build !linux || (!amd64 && !arm64)

package sherpa

import (
	"errors"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

// models cannot be loaded here: the structs in layout.go are those of 64-bit Linux.
type models struct{}

type (
	voice  struct{}
	stream struct{}
)

func loadModels(Files) (*models, error) {
	return nil, &parley.Error{
		Op: "load speech library", Kind: parley.Unavailable,
		Say: "the speech engine runs on 64-bit Linux only",
	}
}

func (*models) recognize(request) recognized { return recognized{} }

func (*models) newVoice() (*voice, error) { return nil, errors.ErrUnsupported }

func (*voice) hear(pcm.Speech) []byte { return nil }

func (*voice) close() {}

func (*models) streaming() string { return "" }

func (*models) newStream() (*stream, error) { return nil, errors.ErrUnsupported }

func (*stream) hear(pcm.Speech) recognized { return recognized{} }

func (*stream) close() {}
