/* spandsp's DTMF receiver over 16-bit mono 8 kHz WAV files, one line a tone:
 * FILE<TAB>DIGIT<TAB>START_S<TAB>END_S. A peer for benches/peers.sh; needs libspandsp-dev. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define SPANDSP_EXPOSE_INTERNAL_STRUCTURES
#include <tiffio.h>
#include <spandsp.h>

static const char *name;
static long now, begun;
static int open_digit;

static void realtime(void *user, int code, int level, int delay) {
    (void)user; (void)level; (void)delay;
    if (open_digit) printf("%s\t%c\t%.4f\t%.4f\n", name, open_digit, begun / 8000.0, now / 8000.0);
    open_digit = code;
    begun = now;
}

int main(int count, char **arguments) {
    for (int n = 1; n < count; n++) {
        FILE *file = fopen(arguments[n], "rb");
        if (!file) { perror(arguments[n]); return 1; }
        const char *slash = strrchr(arguments[n], '/');
        name = slash ? slash + 1 : arguments[n];
        fseek(file, 44, SEEK_SET);
        dtmf_rx_state_t *receiver = dtmf_rx_init(NULL, NULL, NULL);
        dtmf_rx_set_realtime_callback(receiver, realtime, NULL);
        now = 0;
        open_digit = 0;
        int16_t block[102];
        size_t got;
        while ((got = fread(block, 2, 102, file)) > 0) {
            now += (long)got;
            dtmf_rx(receiver, block, (int)got);
        }
        if (open_digit) printf("%s\t%c\t%.4f\t%.4f\n", name, open_digit, begun / 8000.0, now / 8000.0);
        dtmf_rx_free(receiver);
        fclose(file);
    }
    return 0;
}
