package sherpa

import (
	"fmt"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/model"
)

// Version is the one version of sherpa-onnx that layout.go fits.
const Version = "1.13.4"

// The models that are used.
const (
	modelName = "whisper-base"
	voiceName = "silero-v6"
)

// weight is one file of a model.
type weight struct {
	name string // under the directory of models
	sum  string // SHA-256
}

// The files, as transcribe/weights/README.md lists them.
func encoderWeight() weight {
	return weight{"whisper-base/encoder.int8.onnx", "293a74dae2f1fdff60f47d6fee371cc811e1f908320817e3bced55067a8693fa"}
}

func decoderWeight() weight {
	return weight{"whisper-base/decoder.int8.onnx", "7e1f3d7295e5f9f8c5613ce9a27a2dbc8a642769bd4d15f1f4b8f2392750b401"}
}

func tokensWeight() weight {
	return weight{"whisper-base/tokens.txt", "b34b360dbb493e781e479794586d661700670d65564001f23024971d1f2fa126"}
}

func voiceWeight() weight {
	return weight{"silero-vad/silero_vad.onnx", "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"}
}

func weights() []weight {
	return []weight{encoderWeight(), decoderWeight(), tokensWeight(), voiceWeight()}
}

// verify compares every model file with its checksum: a damaged one would end the child without a
// word. It reads 84 MB.
func (f Files) verify() error {
	if f.model() != modelName {
		return f.verifyPulled()
	}
	for _, w := range weights() {
		sum, err := model.SumOf(f.path(w))
		if err != nil {
			return weightError(fmt.Sprintf("the speech model file %s cannot be read; run make engine to copy it again", f.path(w)), err)
		}
		if sum != w.sum {
			return weightError(fmt.Sprintf("the speech model file %s is damaged (its checksum is wrong); delete it and run make engine to copy it again", f.path(w)), nil)
		}
	}
	return nil
}

// verifyPulled compares the voice detector with its checksum, and a pulled model with those of its record,
// where it has one: what an operator put there by hand has none.
func (f Files) verifyPulled() error {
	w := voiceWeight()
	if sum, err := model.SumOf(f.path(w)); err != nil || sum != w.sum {
		return weightError(fmt.Sprintf("the speech model file %s is damaged or missing; run make engine to copy it again", f.path(w)), err)
	}
	err := model.Shelf{Directory: f.Models}.Verify(f.model())
	if err != nil && parley.KindOf(err) != parley.NotFound {
		return weightError("the speech model "+f.model()+" is damaged; remove it and pull it again (parley models)", err)
	}
	return nil
}

func weightError(say string, err error) error {
	return &parley.Error{Op: "verify speech model", Kind: parley.Unavailable, Say: say, Err: err}
}
