// Package transcribe turns what was said into words, and words into minutes.
//
// # The path of an utterance
//
//	track.go    a tap of the SFU: packets in order, on the meeting clock, decoded to 16 kHz
//	voice.go    which windows have speech: silero in the engine child, a level gate without it
//	cut.go      windows become utterances, between two pauses
//	grow.go     an utterance that has not ended is offered, again and again
//	interim.go  what two decodes of it agree on is shown; decoded on idle capacity alone
//	stream.go   or heard piece by piece, where a model does that
//	save.go     an utterance's Opus goes to the meeting's region, then its row, then the job that
//	            names it
//	claim.go    a job becomes a task (task.go); its answer is stored and told
//	worker.go   a task: decode, recognize (hear.go, guard.go), answer; it needs no store
//	making.go   minutes: as the transcript grows, at the end, and again with every utterance that was late
//	jobs.go     the loop of the other jobs
//	sweep.go    rows without a job get one: the row is the truth
//	recover.go  what a killed process had heard and not stored is cut from the recording
//
// File (offline.go) does the same to a sound file, without a meeting.
//
// A Transcriber gives out the tasks of its own regions; dispatch carries them to workers elsewhere.
//
// # Goroutines
//
// Each track has two: its loop and its saver; they end after Close, and Finish waits for them. Run
// owns the workers of every region and the sweeper.
//
// # What it never does
//
// It never blocks who forwards, hears nobody who did not agree, guesses no speaker (a track has one),
// and writes no word into a log or a job.
package transcribe
