//go:build ignore

// The input of layout.go: which structs of the library's C interface are used. Made anew, whenever
// Version changes, with the header sherpa-onnx/c-api/c-api.h of the tag of that version beside it:
//
//	go tool cgo -godefs -- -I. layout_defs.go | gofmt

package sherpa

/*
#include "c-api.h"
*/
import "C"

type (
	recognizerConfig C.SherpaOnnxOfflineRecognizerConfig
	recognizerResult C.SherpaOnnxOfflineRecognizerResult
	voiceConfig      C.SherpaOnnxVadModelConfig
	streamConfig     C.SherpaOnnxOnlineRecognizerConfig
	streamResult     C.SherpaOnnxOnlineRecognizerResult

	featureConfig     C.SherpaOnnxFeatureConfig
	homophoneConfig   C.SherpaOnnxHomophoneReplacerConfig
	languageConfig    C.SherpaOnnxOfflineLMConfig
	modelConfig       C.SherpaOnnxOfflineModelConfig
	canaryConfig      C.SherpaOnnxOfflineCanaryModelConfig
	cohereConfig      C.SherpaOnnxOfflineCohereTranscribeModelConfig
	dolphinConfig     C.SherpaOnnxOfflineDolphinModelConfig
	fireRedConfig     C.SherpaOnnxOfflineFireRedAsrModelConfig
	fireRedCTCConfig  C.SherpaOnnxOfflineFireRedAsrCtcModelConfig
	funASRConfig      C.SherpaOnnxOfflineFunASRNanoModelConfig
	medASRConfig      C.SherpaOnnxOfflineMedAsrCtcModelConfig
	moonshineConfig   C.SherpaOnnxOfflineMoonshineModelConfig
	nemoConfig        C.SherpaOnnxOfflineNemoEncDecCtcModelConfig
	omnilingualConfig C.SherpaOnnxOfflineOmnilingualAsrCtcModelConfig
	paraformerConfig  C.SherpaOnnxOfflineParaformerModelConfig
	qwenConfig        C.SherpaOnnxOfflineQwen3ASRModelConfig
	senseVoiceConfig  C.SherpaOnnxOfflineSenseVoiceModelConfig
	tdnnConfig        C.SherpaOnnxOfflineTdnnModelConfig
	transducerConfig  C.SherpaOnnxOfflineTransducerModelConfig
	wenetConfig       C.SherpaOnnxOfflineWenetCtcModelConfig
	whisperConfig     C.SherpaOnnxOfflineWhisperModelConfig
	zipformerConfig   C.SherpaOnnxOfflineZipformerCtcModelConfig
	sileroConfig      C.SherpaOnnxSileroVadModelConfig
	tenConfig         C.SherpaOnnxTenVadModelConfig

	streamModelConfig      C.SherpaOnnxOnlineModelConfig
	streamTransducerConfig C.SherpaOnnxOnlineTransducerModelConfig
	streamParaformerConfig C.SherpaOnnxOnlineParaformerModelConfig
	streamZipformerConfig  C.SherpaOnnxOnlineZipformer2CtcModelConfig
	streamNemoConfig       C.SherpaOnnxOnlineNemoCtcModelConfig
	streamToneConfig       C.SherpaOnnxOnlineToneCtcModelConfig
	streamGraphConfig      C.SherpaOnnxOnlineCtcFstDecoderConfig
)
