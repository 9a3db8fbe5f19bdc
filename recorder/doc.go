// Package recorder keeps what was said and shown: every track that may be kept becomes WebM segments
// of two seconds in its meeting's region.
//
// # The path of a packet
//
//	track.go     a tap of the SFU: copies the packet into a bounded queue; the track's loop puts
//	             packets in order (media.Reorder) and on the meeting clock (media.Clock)
//	frame.go     packets become frames
//	segment.go   frames become files of the spool, each frame written at once, each file synced and
//	             hashed when it is full
//	upload.go    files of the spool become objects of the region and rows of its catalog, in order
//	recover.go   the same for what a killed process left in the spool
//	manifest.go  the list of hashes that seals a recording
//
// # Goroutines
//
// Each track has two: its loop, which ends after Close, and its uploader, which ends when everything
// is in the region. Run waits for both; it gives uploaders Config.DrainTimeout once it is told to
// stop, and what they leave stays in the spool for Recover.
//
// # Locks
//
// Recorder.mu guards who is being kept; line.mu guards the work of one uploader. Neither is held over
// I/O, and no method takes both.
//
// # What it never does
//
// It never blocks who forwards: a full queue drops, counts and leaves a gap in the record. It decodes
// nothing, mixes nothing, and writes nothing of a meeting outside its spool and the meeting's region.
//
// docs/storage-format.md describes what is written.
package recorder
