/** The fifty states: what the readers look for, and what the simulator lives on. */

export interface State {
  readonly name: string;
  /** Inhabitants, US Census Bureau estimate for July 2019. */
  readonly population: number;
  /** Degrees north and east of a point in its middle. */
  readonly latitude: number;
  readonly longitude: number;
}

/** In alphabetical order, which is the order of every array of this folder. */
// prettier-ignore
const rows: readonly (readonly [name: string, population: number, latitude: number, longitude: number])[] = [
  ['Alabama', 4_903_185, 32.3, -86.9],
  ['Alaska', 731_545, 61.4, -152.4],
  ['Arizona', 7_278_717, 33.7, -111.4],
  ['Arkansas', 3_017_804, 35.0, -92.4],
  ['California', 39_512_223, 36.1, -119.7],
  ['Colorado', 5_758_736, 39.1, -105.3],
  ['Connecticut', 3_565_287, 41.6, -72.8],
  ['Delaware', 973_764, 39.3, -75.5],
  ['Florida', 21_477_737, 27.8, -81.7],
  ['Georgia', 10_617_423, 33.0, -83.6],
  ['Hawaii', 1_415_872, 21.1, -157.5],
  ['Idaho', 1_787_065, 44.2, -114.5],
  ['Illinois', 12_671_821, 40.3, -89.0],
  ['Indiana', 6_732_219, 39.8, -86.3],
  ['Iowa', 3_155_070, 42.0, -93.2],
  ['Kansas', 2_913_314, 38.5, -96.7],
  ['Kentucky', 4_467_673, 37.7, -84.7],
  ['Louisiana', 4_648_794, 31.2, -91.9],
  ['Maine', 1_344_212, 44.7, -69.4],
  ['Maryland', 6_045_680, 39.1, -76.8],
  ['Massachusetts', 6_892_503, 42.2, -71.5],
  ['Michigan', 9_986_857, 43.3, -84.5],
  ['Minnesota', 5_639_632, 45.7, -93.9],
  ['Mississippi', 2_976_149, 32.7, -89.7],
  ['Missouri', 6_137_428, 38.5, -92.3],
  ['Montana', 1_068_778, 46.9, -110.5],
  ['Nebraska', 1_934_408, 41.1, -98.3],
  ['Nevada', 3_080_156, 38.3, -117.1],
  ['New Hampshire', 1_359_711, 43.5, -71.6],
  ['New Jersey', 8_882_190, 40.3, -74.5],
  ['New Mexico', 2_096_829, 34.8, -106.2],
  ['New York', 19_453_561, 42.2, -74.9],
  ['North Carolina', 10_488_084, 35.6, -79.8],
  ['North Dakota', 762_062, 47.5, -99.8],
  ['Ohio', 11_689_100, 40.4, -82.8],
  ['Oklahoma', 3_956_971, 35.6, -96.9],
  ['Oregon', 4_217_737, 44.6, -122.1],
  ['Pennsylvania', 12_801_989, 40.6, -77.2],
  ['Rhode Island', 1_059_361, 41.7, -71.5],
  ['South Carolina', 5_148_714, 33.9, -80.9],
  ['South Dakota', 884_659, 44.3, -99.4],
  ['Tennessee', 6_829_174, 35.7, -86.7],
  ['Texas', 28_995_881, 31.1, -97.6],
  ['Utah', 3_205_958, 40.1, -111.9],
  ['Vermont', 623_989, 44.0, -72.7],
  ['Virginia', 8_535_519, 37.8, -78.2],
  ['Washington', 7_614_893, 47.4, -121.5],
  ['West Virginia', 1_792_147, 38.5, -81.0],
  ['Wisconsin', 5_822_434, 44.3, -89.6],
  ['Wyoming', 578_759, 42.8, -107.3],
];

export const states: readonly State[] = rows.map(([name, population, latitude, longitude]) => ({
  name,
  population,
  latitude,
  longitude,
}));
