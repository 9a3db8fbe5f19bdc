package model

import (
	"slices"
	"strings"
)

// Known is a model that parley knows by name.
type Known struct {
	Name      string
	Languages []string // BCP 47; empty: any
	Use       string   // what it is for, in a few words
	Licence   string
	Files     []File
}

// File is one file of a model.
type File struct {
	Path   string `json:"path"` // below the model's directory, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	URL    string `json:"url,omitempty"` // where it is published
}

// Bytes is the size of all files.
func (k Known) Bytes() int64 {
	var sum int64
	for _, f := range k.Files {
		sum += f.Bytes
	}
	return sum
}

// published is where the files that ship with parley are to be had by themselves.
const published = "https://raw.githubusercontent.com/parley/parley/v0.1.0/transcribe/weights/"

func shipped(path string, bytes int64, sum string) File {
	_, name, _ := strings.Cut(path, "/")
	return File{Path: name, Bytes: bytes, SHA256: sum, URL: published + path}
}

// Table lists the models whose files are known byte for byte. Any other is installed from an address
// with a checksum that its user answers for.
func Table() []Known {
	return []Known{
		{
			Name: "whisper-base", Languages: []string{"en", "zh", "yue"},
			Use: "speech to words; Cantonese as written Chinese, a draft", Licence: "MIT",
			Files: []File{
				shipped("whisper-base/encoder.int8.onnx", 29104882, "293a74dae2f1fdff60f47d6fee371cc811e1f908320817e3bced55067a8693fa"),
				shipped("whisper-base/decoder.int8.onnx", 51518948, "7e1f3d7295e5f9f8c5613ce9a27a2dbc8a642769bd4d15f1f4b8f2392750b401"),
				shipped("whisper-base/tokens.txt", 816730, "b34b360dbb493e781e479794586d661700670d65564001f23024971d1f2fa126"),
			},
		},
		{
			Name: "silero-vad", Use: "finds speech in any language", Licence: "MIT",
			Files: []File{
				shipped("silero-vad/silero_vad.onnx", 2327524, "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"),
			},
		},
	}
}

// Find gives the known model of a name.
func Find(name string) (Known, bool) {
	table := Table()
	i := slices.IndexFunc(table, func(k Known) bool { return k.Name == name })
	if i < 0 {
		return Known{}, false
	}
	return table[i], true
}
