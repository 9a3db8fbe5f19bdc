//go:build ignore

// Makes jyutping.txt or pinyin.txt anew from Unihan_Readings.txt of the Unicode Character Database (Debian's
// package unicode-data has it):
//
//	bzcat /usr/share/unicode/Unihan_Readings.txt.bz2 | go run readings_gen.go kCantonese >jyutping.txt
//	bzcat /usr/share/unicode/Unihan_Readings.txt.bz2 | go run readings_gen.go kMandarin >pinyin.txt
package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// described says what a field is made into.
var described = map[string]string{
	"kCantonese": "# The usual Cantonese reading of each character, in jyutping",
	"kMandarin":  "# The usual Mandarin reading of each character, in pinyin without tones and with v for ü",
}

func main() {
	field := os.Args[1]
	characters := map[string][]rune{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 || fields[1] != field {
			continue
		}
		code, err := strconv.ParseInt(strings.TrimPrefix(fields[0], "U+"), 16, 32)
		if err != nil {
			panic(err)
		}
		usual, _, _ := strings.Cut(fields[2], " ")
		usual = plain(usual)
		characters[usual] = append(characters[usual], rune(code))
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	fmt.Printf("%s: the field %s of Unihan_Readings.txt,\n", described[field], field)
	fmt.Println("# Unicode Character Database 15.0.0, turned round and without its other fields (readings_gen.go).")
	fmt.Println("# Copyright 1991-2022 Unicode, Inc. See readings.LICENSE.")
	for _, reading := range slices.Sorted(maps.Keys(characters)) {
		fmt.Println(reading, string(characters[reading]))
	}
}

// plain is a syllable without the marks of its tone.
func plain(syllable string) string {
	const diaeresis = '\u0308'
	marks := map[rune]bool{'\u0300': true, '\u0301': true, '\u0302': true, '\u0304': true, '\u030c': true}
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ReplaceAll(norm.NFD.String(syllable), "u"+string(diaeresis), "v")) {
		if !marks[r] {
			b.WriteRune(r)
		}
	}
	return b.String()
}
