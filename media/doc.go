// Package media knows what the bytes of a track mean: order, time, keyframes and loudness.
//
// It is pure: no goroutine, no file, no socket, no clock. Nothing here is safe for concurrent use;
// each track has its own. Package pcm turns Opus into samples, package container into files.
package media
