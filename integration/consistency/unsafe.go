package consistency

import "unsafe"

// boardBytes is the size of a board.
const boardBytes = int(unsafe.Sizeof(board{}))

// boardIn returns the board in a mapping, which begins at a page and has
// boardBytes. All bytes are valid values of its integers.
func boardIn(data []byte) *board { return (*board)(unsafe.Pointer(&data[0])) }
