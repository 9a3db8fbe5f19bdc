// Package sherpa recognizes speech and finds voice with sherpa-onnx, in a process of its own: a damaged model
// ends the process that loads it, without an error.
//
//	find.go, weights.go   the library and the models, and their checksums
//	engine.go, stream.go  the parent: keeps a child running and asks it
//	child.go, noise.go    one child, as the parent sees it, and what it complains about
//	frame.go, message.go  what they say to each other, over standard input and output
//	serve.go              the child: recognizes, detects voice, hears streams
//	models_linux.go       what the child has loaded; stream_linux.go: a network that hears piece by piece
//	tokens.go, words.go   pieces of text become words with times
//	library_linux.go      the C interface of the one version that layout.go fits
//
// Run owns the child and its readers. The child answers recognition, voice and streams each in a goroutine
// of its own, in the order asked.
//
// It never loads the library into the process that forwards media, and writes nothing of what was heard into
// a log. Sources: the header c-api.h of sherpa-onnx at the tag of Version; transcribe/sherpa/layout_defs.go.
package sherpa
