package sherpa

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/model"
)

// Files are the speech library and the directories of models, as Find found them.
type Files struct {
	Library string // path of libsherpa-onnx-c-api.so; libonnxruntime.so is beside it
	Models  string // directory that holds the recognizer's directory
	Model   string // the recognizer's directory in it; "" means whisper-base
	Voices  string // directory that holds the voice detector's; "" means Models
	// Streaming is the directory of the model that says words while somebody speaks; "" for none.
	Streaming string
}

// Places says where to look. A place that is "" is not looked at.
type Places struct {
	Library string // what the operator set: a file, or a directory that has it; then nothing else counts
	Models  string // what the operator set; then nothing else counts
	Model   string // the recognizer wanted; "" takes the best that was pulled, else whisper-base
	Data    string // the data directory
	Binary  string // the directory of the binary
	Module  string // the module root, where there is one: for development and tests
}

const libraryName = "libsherpa-onnx-c-api.so"

// Find looks for the library and the models, the operator's own first, then in the data directory,
// beside the binary, and under the module root. It is Unavailable, with a sentence that says what to
// do, when something is nowhere.
func Find(p Places) (Files, error) {
	var f Files
	var err error
	if f.Library, err = findLibrary(p); err != nil {
		return f, err
	}
	if f.Models, f.Model, err = findRecognizer(p); err != nil {
		return f, err
	}
	f.Streaming = findStreaming(p)
	f.Voices, err = findModels(p, voiceWeight())
	return f, err
}

// pulled is the directory of models that were pulled; "" without one.
func (p Places) pulled() string {
	if p.Models != "" {
		return p.Models
	}
	return under(p.Data, "models")
}

// findStreaming finds a streaming model that was pulled; "" without one.
func findStreaming(p Places) string {
	entries, _ := os.ReadDir(p.pulled()) // none when nothing was pulled
	for _, e := range entries {
		directory := filepath.Join(p.pulled(), e.Name())
		if _, err := model.StreamingIn(directory); err == nil {
			return directory
		}
	}
	return ""
}

func findLibrary(p Places) (string, error) {
	if p.Library != "" {
		path := p.Library
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, libraryName)
		}
		if _, err := os.Stat(path); err != nil {
			return "", findError("PARLEY_SHERPA_LIB names no speech library", err)
		}
		return path, nil
	}
	path, ok := firstWith(libraryName,
		under(p.Binary, "lib"), under(p.Module, "bin/lib"),
		under(p.Module, "build/engine/node_modules/sherpa-onnx-linux-x64"))
	if !ok {
		return "", findError("the speech library "+libraryName+" is not installed; run make engine, or set PARLEY_SHERPA_LIB to where it is", nil)
	}
	return path, nil
}

// findRecognizer finds the model that was asked for, or the best there is: one that was pulled into the
// data directory hears Cantonese, whisper-base ships. A streaming model hears whole utterances where it is
// asked for, or there is no other.
func findRecognizer(p Places) (directory, name string, err error) {
	pulled := p.pulled()
	switch {
	case p.Model != "" && p.Model != modelName:
		_, err := senseVoiceFile(filepath.Join(pulled, p.Model))
		if err != nil {
			_, err = model.StreamingIn(filepath.Join(pulled, p.Model))
		}
		if err != nil || pulled == "" {
			return "", "", findError("the speech model "+p.Model+" (transcribe.model) is not installed, or of a kind that parley cannot run; see parley models list", err)
		}
		return pulled, p.Model, nil
	case p.Model == "" && pulled != "":
		entries, _ := os.ReadDir(pulled) // none when nothing was pulled
		for _, e := range entries {
			if _, err := senseVoiceFile(filepath.Join(pulled, e.Name())); err == nil {
				return pulled, e.Name(), nil
			}
		}
	}
	directory, err = findModels(p, tokensWeight())
	if streaming := findStreaming(p); err != nil && p.Model == "" && streaming != "" {
		return pulled, filepath.Base(streaming), nil
	}
	return directory, modelName, err
}

// senseVoiceFile is the network of a SenseVoice model in its directory, told by the name of that.
func senseVoiceFile(directory string) (string, error) {
	if !strings.Contains(filepath.Base(directory), "sense-voice") {
		return "", os.ErrNotExist
	}
	if _, err := os.Stat(filepath.Join(directory, "tokens.txt")); err != nil {
		return "", err
	}
	path, ok := firstWith("model.int8.onnx", directory)
	if !ok {
		path, ok = firstWith("model.onnx", directory)
	}
	if !ok {
		return "", os.ErrNotExist
	}
	return path, nil
}

// findModels finds the directory that holds a model: one that was pulled may stand in the data
// directory while the others are those that ship.
func findModels(p Places, w weight) (string, error) {
	name, _, _ := strings.Cut(w.name, "/")
	if p.Models != "" {
		if _, ok := firstWith(w.name, p.Models); !ok {
			return "", findError("PARLEY_MODELS names no directory with "+name, nil)
		}
		return p.Models, nil
	}
	path, ok := firstWith(w.name, under(p.Data, "models"), under(p.Binary, "models"), under(p.Module, "transcribe/weights"))
	if !ok {
		return "", findError("the speech model "+name+" is not installed; run make engine or parley models pull "+name+
			", or set PARLEY_MODELS to the directory that holds it", nil)
	}
	return strings.TrimSuffix(path, string(filepath.Separator)+filepath.FromSlash(w.name)), nil
}

func findError(say string, err error) error {
	return &parley.Error{Op: "find speech engine", Kind: parley.Unavailable, Say: say, Err: err}
}

// under joins a path to a directory, or is "" without one.
func under(directory, path string) string {
	if directory == "" {
		return ""
	}
	return filepath.Join(directory, path)
}

// firstWith gives the path of a file in the first directory that has it.
func firstWith(name string, directories ...string) (string, bool) {
	for _, directory := range directories {
		if directory == "" {
			continue
		}
		path := filepath.Join(directory, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		}
	}
	return "", false
}

// ModuleRoot finds the directory of parley's go.mod at or above start; "" where there is none.
func ModuleRoot(start string) string {
	for directory := start; ; directory = filepath.Dir(directory) {
		text, err := os.ReadFile(filepath.Join(directory, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/parley/parley\n") {
			return directory
		}
		if directory == filepath.Dir(directory) {
			return ""
		}
	}
}

func (f Files) path(w weight) string {
	directory := f.Models
	if w == voiceWeight() && f.Voices != "" {
		directory = f.Voices
	}
	return filepath.Join(directory, filepath.FromSlash(w.name))
}

// String describes the files for the log.
func (f Files) String() string { return fmt.Sprintf("library %s, models %s", f.Library, f.Models) }

// model is the name of the recognizer.
func (f Files) model() string {
	if f.Model == "" {
		return modelName
	}
	return f.Model
}

// arguments name the files to a child.
func (f Files) arguments() []string {
	voices := f.Voices
	if voices == "" {
		voices = f.Models
	}
	return []string{
		"--library", f.Library, "--models", f.Models, "--voices", voices, "--model", f.model(), "--streaming", f.Streaming,
	}
}
