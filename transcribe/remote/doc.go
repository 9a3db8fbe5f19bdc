// Package remote recognizes speech by a server that speaks OpenAI's interface, POST
// /v1/audio/transcriptions: speaches, whisper.cpp's server, vLLM, a GPU host of one's own.
//
// Each region has its own server: speech of a region goes to no other. remote.go asks, wav.go writes what
// is sent, answer.go reads what comes back and believes none of it unchecked.
//
// It starts no goroutine, and writes no word of an answer into an error.
//
// Source: OpenAI API reference, "Create transcription", verbose_json.
package remote
