//go:build linux && (amd64 || arm64)

package sherpa

import (
	"testing"
	"unsafe"
)

// TestLayout holds the structs to the sizes and places that a C compiler gives them, printed with sizeof and
// offsetof from the header of Version on 64-bit Linux: the library reads them by place alone.
func TestLayout(t *testing.T) {
	t.Parallel()
	var (
		recognizer recognizerConfig
		streaming  streamConfig
		heard      streamResult
	)
	for name, c := range map[string]struct{ got, want uintptr }{
		"SherpaOnnxOfflineRecognizerConfig":        {unsafe.Sizeof(recognizer), 608},
		"… decoding_method":                        {unsafe.Offsetof(recognizer.Decoding_method), 528},
		"SherpaOnnxOfflineModelConfig.sense_voice": {unsafe.Offsetof(recognizer.Model_config.Sense_voice), 152},
		"SherpaOnnxOfflineRecognizerResult":        {unsafe.Sizeof(recognizerResult{}), 128},
		"SherpaOnnxVadModelConfig":                 {unsafe.Sizeof(voiceConfig{}), 88},
		"SherpaOnnxOnlineRecognizerConfig":         {unsafe.Sizeof(streaming), 272},
		"… its decoding_method":                    {unsafe.Offsetof(streaming.Decoding_method), 144},
		"… its enable_endpoint":                    {unsafe.Offsetof(streaming.Enable_endpoint), 156},
		"… its rule3_min_utterance_length":         {unsafe.Offsetof(streaming.Rule3_min_utterance_length), 168},
		"SherpaOnnxOnlineModelConfig.nemo_ctc":     {unsafe.Offsetof(streaming.Model_config.Nemo_ctc), 120},
		"SherpaOnnxOnlineRecognizerResult":         {unsafe.Sizeof(heard), 48},
		"… its json":                               {unsafe.Offsetof(heard.Json), 40},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d bytes, not %d", name, c.got, c.want)
		}
	}
}
