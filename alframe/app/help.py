"""The texts of `alframe --help` and `alframe plugins --help`: one screen, without the configuration."""

HELP = """\
alframe: active learning for images. It chooses the images that are most worth labelling.

Usage: python -m alframe [COMMAND] [name=value ...]

  python -m alframe                         a simulated campaign on handwritten digits, offline
  python -m alframe pool=folder pool.root=FOLDER label_source=web
                                            your own images, labelled in the browser
  python -m alframe project=FOLDER          continue a project
  python -m alframe -m "sampler=random,margin,kcenter" "seed=0,1,2"
                                            a sweep: strategies compared over seeds

Commands ("python -m alframe status --help" describes one)
  run             start or continue a campaign (the default)
  status          show the state and the next step
  label           store labels (--watch: wait for them)
  withdraw        close the open batch: keep its answers, and release its other images
  recheck_labels  ask people again about doubtful labels
  report          write a page about the project  export      write the model and the predictions
  predict         use the model on other images   compare     write a page that compares runs
  plugins         list all parts                  new_plugin  write a package for your own part

Parts ("kind=name" chooses one, "kind.parameter=value" sets its parameters)
  pool, label_source, backbone, sampler, head, loss, stopping, exporter, tracker, compute
  experiment=NAME sets several parts and settings at once.
  "python -m alframe sampler=kcenter --help" describes one.

Settings, for example
  project=FOLDER      the campaign's folder         batch=20             images in each round
  "classes=[fox,cat]" classes known beforehand      stopping.labels=200  labels before it stops
  enough=0.8          share that must be answered   seed=0               seed of all random choices

Flags
  --help-all          all parts and settings        --config-dir=FOLDER  your own YAML files
  --cfg job           print the configuration only  --version            the installed version

You can stop with Ctrl-C at any time: the same command continues from there.
"""

PLUGINS_HELP = """\
List the parts and the experiments, with the Python package of each; describe or check some of them.

  python -m alframe plugins                 all parts and experiments, and the problems of plugins
  python -m alframe plugins NAME ...        the parts of these names: documentation, file, parameters
  python -m alframe plugins KIND=NAME       the part of this kind, if there are several of this name
  python -m alframe plugins --check [NAME ...]
                                            load and build the parts with these names, or the parts of
                                            these Python packages; without NAME, all parts of plugins
"""
