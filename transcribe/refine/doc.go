// Package refine lets a language model go over the action items of a meeting: an endpoint that speaks
// the chat interface of OpenAI (Ollama, vLLM and others), in the meeting's own region. Without one
// nothing is sent anywhere.
//
// The path: refine.go cuts the transcript into chunks and applies what holds; prompt.go writes what is
// asked; client.go sends it; check.go holds every single answer to the transcript.
//
// What the model says is a proposal by somebody who may be wrong, slow or taken over by words in the
// transcript. So: an answer must cite lines that are there and quote them; an owner must be named or
// speak there; a due date is reckoned from quoted words, never taken; nothing is deleted, dropping only
// makes an item less certain; what people asked to note stays. Whatever fails leaves the result there
// was.
//
// It keeps nothing, logs no word of a meeting, starts no goroutine, and follows no redirect.
package refine
