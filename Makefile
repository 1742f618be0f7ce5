# `make demo` shows the whole thing, `make test` checks it. Paths are relative, so the clone may stand anywhere.
PYTHON ?= python3

venv := .venv
python := $(venv)/bin/python
lock := constraints.txt
reference := rtl_out/reference

bottleneck := layer1.0.conv1,layer1.0.conv2,layer1.0.conv3,layer1.0.downsample,layer1.0.add

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:
	@echo "make demo       build a TCU for ResNet-50 and run a bottleneck block on its RTL"
	@echo "make test       linter, type checker and tests"
	@echo "make verify     the tests that take minutes"
	@echo "make docs       write the pages in docs that are made from the code"
	@echo "make site       the documentation as a site that opens offline, in build/site/html"
	@echo "make pictures   build and run what the pictures of README and docs show, and take them anew; ten minutes"
	@echo "make results    run what docs/results.md and the README show the results of, and write them there"
	@echo "make reference  write $(reference), the build that a test compares byte for byte"
	@echo "make faults     some 20,000 faults of bus, program, host and resets on two machines of RTL: none may go unnoticed; half an hour"
	@echo "make faults-long  ten times as many"
	@echo "make prove      properties of the hardware, proved, and broken hardware that the proofs must find; minutes"
	@echo "make mutate     100 mutants of the hardware, one token each: which tests and proofs find them; an hour or two"
	@echo "make mutants    10,000 programs wrong in one place: the checker of certificates must refuse them; a few minutes"
	@echo "make networks-random  20,000 random networks on the emulator, 2,000 on the RTL: every tensor must be golden's; half an hour"
	@echo "make endurance  20 inferences of ResNet-20 back to back on the RTL, with stalls and resets, then of a network of all operators; a few minutes"
	@echo "make upsets     bits flipped in every memory and register class during ResNet-20 on the RTL, then on a machine with every option; half an hour"
	@echo "make fpga       a ResNet-20 machine for an ECP5, synthesised, placed and routed by open tools; half an hour or more"
	@echo "make soc        a RISC-V processor runs ResNet-20 by the C driver in a simulated SoC with a DRAM controller; some minutes"
	@echo "make calibrate  synthesise machines of many sizes, which estimates rest on; half an hour or more"
	@echo "make pythons    the wheel on Python 3.12 and 3.13, or on PYTHONS, must write the same bytes; a few minutes"
	@echo "make layer-tools  ZigZag and SCALE-Sim must count the multiplications of exported layers; some minutes"
	@echo "make lock       write $(lock), the versions that are installed"
	@echo "make clean      remove what these targets made"

.PHONY: demo
demo: $(venv)/demo.stamp
	$(python) -m tcugen build --layer-config resnet50.json
	$(python) -m tcugen simulate --layer-config resnet50.json --rtl rtl_out/resnet50 --only $(bottleneck)

.PHONY: test
test: $(venv)/test.stamp | test-prerequisites
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m basedpyright --pythonpath $(python)
	$(python) -m pytest -n 2

.PHONY: verify
verify: $(venv)/test.stamp | test-prerequisites soc-prerequisites arm-prerequisites
	$(python) -m pytest -n 2 -m verify

.PHONY: docs
docs: $(venv)/demo.stamp
	$(python) docs/generate.py

.PHONY: site
site: $(venv)/site.stamp
	$(python) docs/site.py

.PHONY: pictures
pictures: $(venv)/test.stamp | test-prerequisites
	$(python) docs/pictures.py

.PHONY: results
results: $(venv)/demo.stamp
	$(python) docs/results.py

.PHONY: reference
reference: $(venv)/demo.stamp
	$(python) -m tcugen build --layer-config examples/reference.json --array 4x4 --activation-kib 16 --weight-tiles 64 --parameter-groups 32 -o $(reference)

# A machine with every option, for a network that uses each: what the reference build does not have.
everything := rtl_out/everything
$(everything)/build.json: $(venv)/demo.stamp examples/everything.json
	$(python) -m tcugen build --layer-config examples/everything.json --array 16x16 --activation-kib 16 --parity -o $(everything)

.PHONY: faults
faults: $(everything)/build.json
	$(python) -m sim.faults
	$(python) -m sim.faults $(everything)
	$(python) -m sim.wrong_fields
	$(python) -m sim.wrong_fields $(everything)

.PHONY: faults-long
faults-long: $(venv)/demo.stamp
	$(python) -m sim.faults --flipped 50000 --cases 5000 --seed 2

.PHONY: prove
prove: $(venv)/test.stamp | test-prerequisites
	$(python) -m tcugen.rtl.proofs --mutants

# MUTATE="--only fifo.py --count 20" breaks one file, --budget 30 begins no mutant after half an hour.
MUTATE ?=
.PHONY: mutate
mutate: $(venv)/test.stamp | test-prerequisites
	$(python) -m sim.mutate $(MUTATE)

.PHONY: mutants
mutants: $(everything)/build.json
	$(python) -m sim.mutants
	$(python) -m sim.mutants $(everything)

.PHONY: networks-random
networks-random: $(venv)/test.stamp | prerequisites
	$(python) -m tests.properties.run

# The build that runs back to back and whose bits are flipped: an array large enough for runs of a fraction of a second.
rtl_out/resnet20_16x16/build.json: $(venv)/demo.stamp
	$(python) -m tcugen build --layer-config resnet20 --array 16x16 -o $(@D)

.PHONY: endurance
endurance: rtl_out/resnet20_16x16/build.json $(everything)/build.json
	$(python) -m sim.endurance rtl_out/resnet20_16x16
	$(python) -m sim.endurance $(everything)

.PHONY: upsets
upsets: rtl_out/resnet20_16x16/build.json $(everything)/build.json
	$(python) -m sim.upsets rtl_out/resnet20_16x16
	$(python) -m sim.upsets $(everything)

# The netlist is counted, then placed and routed. PART=gw2a-18 takes another part that nextpnr places on.
PART ?= ecp5-45
.PHONY: fpga
fpga: $(venv)/fpga.stamp
	$(python) -m tcugen build --layer-config resnet20 --array 4x4 --part $(PART) -o rtl_out/fpga
	$(python) -m tcugen synth rtl_out/fpga --part $(PART) --place --json rtl_out/fpga.json

# A bus as wide as the port of the DRAM controller. Firmware and SoC are made, compiled and run; the console is shown.
example := examples/fashion_mnist
.PHONY: soc
soc: $(venv)/soc.stamp | soc-prerequisites
	$(python) -m tcugen build --model $(example)/resnet20_int8.npz --classes $(example)/classes.txt --array 8x8 --activation-kib 64 --bus-bytes 16 -o rtl_out/soc
	$(python) -m sim.soc rtl_out/soc --model $(example)/resnet20_int8.npz --images $(example)/images.npy --json rtl_out/soc.json

# After a change of the hardware. FAMILY=xc7 measures another family.
FAMILY ?= ecp5
.PHONY: calibrate
calibrate: $(venv)/demo.stamp
	$(python) -m tcugen calibrate --family $(FAMILY) -o tcugen/fpga/calibration.json

# The wheel on other Pythons, where they are found. PYTHONS names others: make pythons PYTHONS="/path/to/python3.12"
PYTHONS ?= python3.12 python3.13
.PHONY: pythons
pythons: $(venv)/test.stamp
	TCUGEN_PYTHONS="$(PYTHONS)" $(python) -m pytest -m "verify or not verify" tests/test_pythons.py

# ZigZag and SCALE-Sim run on the layers that are exported for them.
.PHONY: layer-tools
layer-tools: $(venv)/test.stamp $(venv)-layers/stamp
	$(python) -m pytest -rP -m verify tests/network/test_outside_tools.py

# The newest versions that pyproject.toml allows and that work together. Local tags (+cpu) name a build, not a version,
# and would shut out everybody else's.
.PHONY: lock
lock: | prerequisites
	rm -rf $(venv)-lock
	"$(PYTHON)" -m venv $(venv)-lock
	$(venv)-lock/bin/python -m pip install -e '.[verify,tflite,quantize,fpga,export,research,docs,soc,test]'
	{ echo "# Versions that \`make\` installs; written by \`make lock\`."; \
	  $(venv)-lock/bin/python -m pip freeze --all --exclude pip --exclude-editable | sed 's/+.*//'; } > $(lock).new
	mv $(lock).new $(lock)
	rm -rf $(venv)-lock

.PHONY: clean
clean:
	rm -rf $(venv) $(venv)-lock $(venv)-layers rtl_out/resnet50 rtl_out/resnet20_16x16 $(everything) rtl_out/fpga rtl_out/fpga.json rtl_out/soc rtl_out/soc.json sim_build build tcugen.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Installing is done once, and again when what is to be installed changes. pip reads its own settings (PIP_*, pip.conf).
# A stamp in .venv says what is in there.
$(venv)/demo.stamp: pyproject.toml $(lock) | prerequisites
	"$(PYTHON)" -m venv $(venv)
	$(python) -m pip install -c $(lock) -e '.[verify]'
	touch $@

$(venv)/fpga.stamp: pyproject.toml $(lock) | prerequisites
	"$(PYTHON)" -m venv $(venv)
	$(python) -m pip install -c $(lock) -e '.[verify,fpga]'
	touch $(venv)/demo.stamp $@

$(venv)/site.stamp: pyproject.toml $(lock) | prerequisites
	"$(PYTHON)" -m venv $(venv)
	$(python) -m pip install -c $(lock) -e '.[docs]'
	touch $@

$(venv)/soc.stamp: pyproject.toml $(lock) | soc-prerequisites
	"$(PYTHON)" -m venv $(venv)
	$(python) -m pip install -c $(lock) -e '.[verify,soc]'
	touch $(venv)/demo.stamp $@

$(venv)/test.stamp: pyproject.toml $(lock) | prerequisites
	"$(PYTHON)" -m venv $(venv)
	$(python) -m pip install -c $(lock) -e '.[verify,tflite,quantize,export,research,docs,soc,test]'
	touch $(venv)/demo.stamp $(venv)/site.stamp $(venv)/soc.stamp $@

# An environment of their own. ZigZag imports six, which it does not ask for; SCALE-Sim takes numbers from arrays of one
# element, which NumPy 2.4 refuses.
$(venv)-layers/stamp: | prerequisites
	"$(PYTHON)" -m venv $(venv)-layers
	$(venv)-layers/bin/python -m pip install scalesim==3.0.0 zigzag-dse==3.9.1 six 'numpy<2.4'
	touch $@

# What pip cannot bring, asked for before anything is downloaded.
.PHONY: prerequisites
prerequisites:
	@command -v "$(PYTHON)" > /dev/null || { \
	  echo "error: no $(PYTHON) found; install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is $$("$(PYTHON)" --version 2>&1), but 3.11 or newer is needed;" \
	       "name another one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "error: $(PYTHON) lacks the modules venv and ensurepip; install them (Debian: apt install python3-venv)" >&2; \
	  exit 1; }
	@for tool in g++ make perl; do command -v $$tool > /dev/null || { \
	  echo "error: no $$tool found; install it (Debian: apt install $$tool)" >&2; exit 1; }; done

# The second simulator of the tests, of events and four states; synthesis, timing and standard cells; what takes exported device trees.
.PHONY: test-prerequisites
test-prerequisites: | prerequisites
	@command -v iverilog > /dev/null || { \
	  echo "error: no iverilog found; install Icarus Verilog for the tests (Debian: apt install iverilog)" >&2; exit 1; }
	@command -v yosys > /dev/null || { \
	  echo "error: no yosys found; install Yosys for the tests (Debian: apt install yosys)" >&2; exit 1; }
	@command -v sta > /dev/null || { \
	  echo "error: no OpenSTA found; install it for the tests (Debian: apt install opensta)" >&2; exit 1; }
	@test -e /usr/share/qflow/tech/osu018/osu018_stdcells.lib || { \
	  echo "error: no osu018 cells found; install them for the tests (Debian: apt install qflow-tech-osu018)" >&2; exit 1; }
	@command -v dtc > /dev/null || { \
	  echo "error: no dtc found; install the device-tree compiler for the tests (Debian: apt install device-tree-compiler)" >&2; \
	  exit 1; }
	@command -v chromium chromium-browser google-chrome > /dev/null || { \
	  echo "error: no chromium found; install it for the tests (Debian: apt install chromium)" >&2; exit 1; }

# What compiles the firmware of the simulated SoC.
.PHONY: soc-prerequisites
soc-prerequisites: | prerequisites
	@command -v riscv64-unknown-elf-gcc > /dev/null || { \
	  echo "error: no riscv64-unknown-elf-gcc found; install the compiler of the firmware" \
	       "(Debian: apt install gcc-riscv64-unknown-elf)" >&2; exit 1; }
	@riscv64-unknown-elf-gcc --specs=picolibc.specs -include stdio.h -E -x c /dev/null > /dev/null 2>&1 || { \
	  echo "error: riscv64-unknown-elf-gcc finds no picolibc; install the C library of the firmware" \
	       "(Debian: apt install picolibc-riscv64-unknown-elf)" >&2; exit 1; }

# What compiles the C driver for ARM, and runs it.
.PHONY: arm-prerequisites
arm-prerequisites: | prerequisites
	@command -v arm-linux-gnueabihf-gcc > /dev/null || { \
	  echo "error: no arm-linux-gnueabihf-gcc found; install the compiler for ARM and its C library" \
	       "(Debian: apt install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross)" >&2; exit 1; }
	@command -v qemu-arm > /dev/null || { \
	  echo "error: no qemu-arm found; install QEMU's user-mode emulation (Debian: apt install qemu-user)" >&2; exit 1; }
