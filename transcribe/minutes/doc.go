// Package minutes mines a transcript for what a meeting agreed on: action items with an owner and a
// due date, decisions, and questions left open. Every entry cites the utterances it stands on.
//
// The path through its files, in the order an utterance takes: record.go reads transcripts from a
// file (the server hands them over in memory); token.go and fold.go make tokens of text; talk.go cuts
// sentences and marks names (roster.go, sound.go), departments (lexicon.go), dates (date*.go, day.go,
// holiday.go, number.go) and cues (cue.go, pattern.go); claim.go says who is said to do what,
// marker.go what people asked to note, answer.go who agrees, judge.go whether it is work (feature.go, model.go), owner.go who that is; item.go
// builds items (volunteer.go, itemdue.go), task.go cuts out the task,
// merge.go joins what is said again; settle.go finds decisions and questions; prediction.go writes
// what a scorer reads.
//
// train.go learns the weights from labelled meetings (gold.go), tune.go chooses the thresholds, and
// heldout.go says how well that does on meetings not learnt from.
//
// What the rules know is data: tables/*.txt, compiled by New. To teach a phrase, add a line there.
//
// It holds no state beside those tables, starts no goroutine, reads no clock and no network: the same
// transcript gives the same minutes, bit by bit, on every machine. It never invents an owner or a
// date; where none is said it says none. What is spoken is data: no sentence can instruct it.
//
// Sources: the features follow Purver et al. (SIGdial 2007) and Murray and Renals (MLMI 2008); due
// dates follow the conventions of ISO 8601 weeks.
package minutes
