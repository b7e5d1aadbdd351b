"""Where Hydra looks for configs: in our folder, and in the folders and signatures of plugins."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nas.cli.kinds import registries
from nas.registry.plugins import plugins


class SignatureConfigs(ConfigSource):
    """The configs of plugins without a yaml: their names, and the defaults of their options.

    Hydra asks it last, because it imports the plugins.
    """

    @staticmethod
    def scheme() -> str:
        """The scheme of this source in Hydra's search path."""
        return "nas"

    def load_config(self, config_path: str) -> ConfigResult:
        """The config `group/name`."""
        group, name = self._split(config_path)
        config = OmegaConf.create({"name": name})
        for option, value in registries()[group].defaults(name).items():
            try:
                config[option] = value
            except OmegaConfBaseException:  # a config cannot hold this default
                continue
        return ConfigResult(
            provider=self.provider, path=self.full_path(), config=config, header={"package": None}
        )

    def is_config(self, config_path: str) -> bool:
        """Whether a plugin has the name; this imports the plugin's package."""
        group, name = self._split(config_path)
        registry = registries().get(group)
        return registry is not None and (
            registry.knows(name) or (bool(plugins()) and name in registry)
        )

    def is_group(self, config_path: str) -> bool:
        """Whether the path names a kind of plugins."""
        return config_path.strip("/") in registries()

    def available(self) -> bool:
        """Always true."""
        return True

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """An empty list, because a help page must not import plugins."""
        return []

    def _split(self, config_path: str) -> tuple[str, str]:
        group, _, name = config_path.strip("/").removesuffix(".yaml").rpartition("/")
        return group, name


class PluginConfigs(SearchPathPlugin):
    """Adds every plugin's folder of configs after ours, then the signatures."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Hydra calls this whenever it makes a search path."""
        for plugin in plugins():
            if plugin.conf is not None:
                search_path.append(plugin.module, f"file://{plugin.conf}")
        search_path.append("signatures", "nas://signatures")


def add_plugins() -> None:
    """Make Hydra find the configs of plugins from now on."""
    Plugins.instance().register(SignatureConfigs)
    Plugins.instance().register(PluginConfigs)
