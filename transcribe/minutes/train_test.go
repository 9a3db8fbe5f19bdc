package minutes

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/parley/parley"
)

const trainingData = "../../../shared/actionitems"

// TestTheWeightsAreLearntFromTheData learns them anew: a change of the features or tables that forgets
// to do so would judge with weights that mean something else.
func TestTheWeightsAreLearntFromTheData(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(trainingData); err != nil {
		t.Skip("the labelled meetings are not here: ", err)
	}
	if raceEnabled {
		t.Skip("one goroutine: the race detector has nothing to see, and makes it ten times as long")
	}
	var log bytes.Buffer
	visited := map[string]int{}
	weights, err := Train(t.Context(), trainingData, &log, func(set string, h *Heldout) error {
		visited[set]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(weights, modelFile) {
		t.Error("weights/items.bin is not what the data gives: run parley minutes --train DIR --out weights/items.bin")
	}
	if visited["snippets"] == 0 || !strings.Contains(log.String(), "held out") {
		t.Errorf("visited %v, and printed\n%s", visited, log.String())
	}
}

func TestTrainingNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	_, err := Train(t.Context(), t.TempDir(), &bytes.Buffer{}, nil)
	if parley.KindOf(err) != parley.Invalid || !strings.Contains(parley.SayOf(err), "snippets") {
		t.Errorf("%v", err)
	}
}
