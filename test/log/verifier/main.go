// Command verifier checks a Weighlock log with Go's own transparency log packages, which share no code with it.
//
//	verifier <vault>/log <verifier key> <proof>...
//
// It opens the checkpoint as a signed note, recomputes every record hash from the entry bundles, checks every tile,
// proves each entry in the tree and each earlier tree in the last one, and accepts the proof files.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: verifier <log> <verifier key> <proof>..."))
	}
	tree := openCheckpoint(read(filepath.Join(os.Args[1], "checkpoint")), os.Args[2])
	entries := readEntries(os.Args[1], tree.N)
	hashes := storedHashes(entries)
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	root, err := tlog.TreeHash(tree.N, reader)
	check(err)
	if root != tree.Hash {
		fail(fmt.Errorf("the entries have the root %v, the checkpoint signs %v", root, tree.Hash))
	}
	tiled := tlog.TileHashReader(tree, &tiles{dir: os.Args[1]})
	for i := int64(0); i < tree.N; i++ {
		proof, err := tlog.ProveRecord(tree.N, i, tiled)
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(entries[i])))
	}
	for n := int64(1); n <= tree.N; n++ {
		older, err := tlog.TreeHash(n, reader)
		check(err)
		proof, err := tlog.ProveTree(tree.N, n, tiled)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, n, older))
	}
	for _, file := range os.Args[3:] {
		checkProof(read(file), os.Args[2], entries)
	}
	fmt.Printf("accepted %d entries, %d proofs\n", tree.N, len(os.Args)-3)
}

// openCheckpoint accepts the three lines of a C2SP checkpoint in a signed note.
func openCheckpoint(text []byte, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	check(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail(fmt.Errorf("the checkpoint is malformed: %q", opened.Text))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

// readEntries reads the entry bundles, which Go's package does not know.
func readEntries(dir string, size int64) [][]byte {
	var entries [][]byte
	for n := int64(0); n*256 < size; n++ {
		name := (tlog.Tile{H: 8, L: -1, N: n, W: int(min(256, size-n*256))}).Path()
		data := read(filepath.Join(dir, strings.Replace(strings.TrimPrefix(name, "tile/8/"), "data/", "tile/entries/", 1)))
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
	}
	if int64(len(entries)) != size {
		fail(fmt.Errorf("%d entries, and the checkpoint says %d", len(entries), size))
	}
	return entries
}

func storedHashes(entries [][]byte) []tlog.Hash {
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, reader)
		check(err)
		hashes = append(hashes, more...)
	}
	return hashes
}

// tiles reads C2SP tiles, which lack the height in their path. TileHashReader itself checks each against the tree.
type tiles struct{ dir string }

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.dir, "tile", strings.TrimPrefix(tile.Path(), "tile/8/")))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// checkProof accepts a c2sp.org/tlog-proof@v1 file of one of the entries.
func checkProof(text []byte, key string, entries [][]byte) {
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail(fmt.Errorf("not a proof: %q", text))
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	check(err)
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		check(err)
		var hash tlog.Hash
		copy(hash[:], raw)
		proof = append(proof, hash)
	}
	tree := openCheckpoint([]byte(checkpoint), key)
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entries[index])))
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "refused:", err)
	os.Exit(1)
}
