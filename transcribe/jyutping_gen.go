//go:build ignore

// Makes jyutping.txt anew from Unihan_Readings.txt of the Unicode Character Database (Debian's package
// unicode-data has it):
//
//	bzcat /usr/share/unicode/Unihan_Readings.txt.bz2 | go run jyutping_gen.go >jyutping.txt
package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	characters := map[string][]rune{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 || fields[1] != "kCantonese" {
			continue
		}
		code, err := strconv.ParseInt(strings.TrimPrefix(fields[0], "U+"), 16, 32)
		if err != nil {
			panic(err)
		}
		usual, _, _ := strings.Cut(fields[2], " ")
		characters[usual] = append(characters[usual], rune(code))
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	fmt.Println("# The usual Cantonese reading of each character, in jyutping: the field kCantonese of Unihan_Readings.txt,")
	fmt.Println("# Unicode Character Database 15.0.0, turned round and without its other fields (jyutping_gen.go).")
	fmt.Println("# Copyright 1991-2022 Unicode, Inc. See jyutping.LICENSE.")
	for _, reading := range slices.Sorted(maps.Keys(characters)) {
		fmt.Println(reading, string(characters[reading]))
	}
}
