//go:build linux && (amd64 || arm64)

package sherpa

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/parley/parley"
)

// library is the C interface of sherpa-onnx, loaded at run time. Handles are C pointers; nothing
// here frees them but the destroy functions. A bad model does not return an error from any of these:
// it ends the process.
type library struct {
	getVersion func() string

	createRecognizer func(*recognizerConfig) uintptr
	setLanguage      func(recognizer uintptr, config *recognizerConfig)
	createStream     func(recognizer uintptr) uintptr
	acceptSpeech     func(stream uintptr, rate int32, samples *float32, n int32)
	decode           func(recognizer, stream uintptr)
	getResult        func(stream uintptr) *recognizerResult
	destroyResult    func(*recognizerResult)
	destroyStream    func(stream uintptr)

	createStreamer func(*streamConfig) uintptr
	openStream     func(streamer uintptr) uintptr
	feedStream     func(stream uintptr, rate int32, samples *float32, n int32)
	streamReady    func(streamer, stream uintptr) int32
	decodeStream   func(streamer, stream uintptr)
	streamResult   func(streamer, stream uintptr) *streamResult
	freeResult     func(*streamResult)
	streamEnds     func(streamer, stream uintptr) int32
	resetStream    func(streamer, stream uintptr)
	closeStream    func(stream uintptr)

	createVoice  func(config *voiceConfig, bufferSeconds float32) uintptr
	acceptVoice  func(voice uintptr, samples *float32, n int32)
	voiceHeard   func(voice uintptr) int32
	flushVoice   func(voice uintptr)
	clearVoice   func(voice uintptr)
	destroyVoice func(voice uintptr)
}

// openLibrary loads the library at path and refuses any version but Version: structs are passed by
// layout, and another one would read them wrongly without noticing.
func openLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, libraryError("the speech library "+path+" cannot be loaded", err)
	}
	lib := &library{}
	functions := []struct {
		name string
		into any
	}{
		{"SherpaOnnxGetVersionStr", &lib.getVersion}, // first: it tells other versions apart
		{"SherpaOnnxCreateOfflineRecognizer", &lib.createRecognizer},
		{"SherpaOnnxOfflineRecognizerSetConfig", &lib.setLanguage},
		{"SherpaOnnxCreateOfflineStream", &lib.createStream},
		{"SherpaOnnxAcceptWaveformOffline", &lib.acceptSpeech},
		{"SherpaOnnxDecodeOfflineStream", &lib.decode},
		{"SherpaOnnxGetOfflineStreamResult", &lib.getResult},
		{"SherpaOnnxDestroyOfflineRecognizerResult", &lib.destroyResult},
		{"SherpaOnnxDestroyOfflineStream", &lib.destroyStream},
		{"SherpaOnnxCreateOnlineRecognizer", &lib.createStreamer},
		{"SherpaOnnxCreateOnlineStream", &lib.openStream},
		{"SherpaOnnxOnlineStreamAcceptWaveform", &lib.feedStream},
		{"SherpaOnnxIsOnlineStreamReady", &lib.streamReady},
		{"SherpaOnnxDecodeOnlineStream", &lib.decodeStream},
		{"SherpaOnnxGetOnlineStreamResult", &lib.streamResult},
		{"SherpaOnnxDestroyOnlineRecognizerResult", &lib.freeResult},
		{"SherpaOnnxOnlineStreamIsEndpoint", &lib.streamEnds},
		{"SherpaOnnxOnlineStreamReset", &lib.resetStream},
		{"SherpaOnnxDestroyOnlineStream", &lib.closeStream},
		{"SherpaOnnxCreateVoiceActivityDetector", &lib.createVoice},
		{"SherpaOnnxVoiceActivityDetectorAcceptWaveform", &lib.acceptVoice},
		{"SherpaOnnxVoiceActivityDetectorDetected", &lib.voiceHeard},
		{"SherpaOnnxVoiceActivityDetectorFlush", &lib.flushVoice},
		{"SherpaOnnxVoiceActivityDetectorClear", &lib.clearVoice},
		{"SherpaOnnxDestroyVoiceActivityDetector", &lib.destroyVoice},
	}
	for i, f := range functions {
		symbol, err := purego.Dlsym(handle, f.name)
		if err != nil {
			return nil, libraryError("the speech library "+path+" is not sherpa-onnx "+Version, err)
		}
		purego.RegisterFunc(f.into, symbol)
		if i > 0 {
			continue
		}
		if found := lib.getVersion(); found != Version {
			return nil, libraryError(fmt.Sprintf("the speech library %s is version %s; parley needs %s", path, found, Version), nil)
		}
	}
	return lib, nil
}

func libraryError(say string, err error) error {
	return &parley.Error{Op: "load speech library", Kind: parley.Unavailable, Say: say, Err: err}
}

// cString is s as C reads it. The caller keeps it alive for as long as C may read it.
func cString(s string) *int8 {
	b := append([]byte(s), 0)
	return (*int8)(unsafe.Pointer(&b[0]))
}

// goString copies a C string; nil is "".
func goString(p *int8) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(p)), n))
}
